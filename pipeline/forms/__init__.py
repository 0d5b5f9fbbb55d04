"""What forms and services are made of: schemas of inputs, guiders and options of blocks."""
