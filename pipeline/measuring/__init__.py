"""Tables of measures: averages with their uncertainty, and whether two differ."""
