"""What the vocabulary says of a value: shape and bounds, and how a form shows it."""
