"""How a composition is written down and opened."""
