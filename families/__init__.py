"""What differs between model families: contracts, and what they are made of."""
