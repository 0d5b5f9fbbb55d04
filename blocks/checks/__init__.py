"""What is said of compositions and calls before anything runs."""
