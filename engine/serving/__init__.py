"""Many runs at once: calls of networks that several of them share."""
