"""The techniques of this package."""
