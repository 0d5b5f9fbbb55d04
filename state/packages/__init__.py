"""Installed packages that bring blocks: what they declare, what they need, and the version of the API that they were written for."""
