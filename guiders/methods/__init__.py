"""Methods of guidance, one a file."""
