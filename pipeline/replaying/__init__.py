"""A run again, from its recipe."""
