"""The command `brickwork`: a file for each command, and what they share."""
