"""What classes are made with and of: their arguments, their bodies as written, what is written in their files."""
