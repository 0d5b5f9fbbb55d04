"""What classes are made with, and their bodies as written."""
