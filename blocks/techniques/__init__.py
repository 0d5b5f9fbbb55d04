"""Techniques on the standard steps, for every family: prompts by region, panoramas, hand-over between families."""
