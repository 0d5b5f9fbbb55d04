"""How the server listens: connections with limits in time, and how it ends."""
