"""The standard steps, one concept a file."""
