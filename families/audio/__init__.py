"""Families of sound, and what they share."""
