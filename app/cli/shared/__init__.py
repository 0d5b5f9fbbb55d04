"""What commands share: targets, options made of inputs, what goes to stdout and stderr."""
