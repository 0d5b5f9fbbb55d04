"""How a plan runs: executor, cache of a run, residency, position, witness."""
