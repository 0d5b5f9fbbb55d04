"""From steps to a plan: dataflow, checks, liveness, tables and pictures of it."""
