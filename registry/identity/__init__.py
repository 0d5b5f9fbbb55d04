"""What a component is: content of weights, settings, code; and in words what differs."""
