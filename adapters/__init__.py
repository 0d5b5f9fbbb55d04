"""What is put into a network, and taken out."""
