"""Workflows as a service over HTTP: `brickwork serve`; needs `pip install brickwork[serve]`."""
