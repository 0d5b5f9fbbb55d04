"""What the command line and the server have in common."""
