"""How a plan runs: executor, results that are known, residency, checks at block boundaries."""
