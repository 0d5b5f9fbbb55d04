"""What comes from the Hub and from folders, and goes there: repositories, trust, locks, strict JSON and YAML."""
