"""How files become components: classes, weights, what a loader may do."""
