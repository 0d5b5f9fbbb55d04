"""What a block is: the block model, containers, declarations, checks."""
