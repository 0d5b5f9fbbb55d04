"""Families of videos, and what they share."""
