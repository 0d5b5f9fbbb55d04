"""Techniques of a pipeline."""
