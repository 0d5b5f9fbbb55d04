"""From steps to a plan: dataflow, checks, liveness, tables and images of it."""
