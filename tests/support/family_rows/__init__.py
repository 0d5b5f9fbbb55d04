"""A module for each family, whose `FAMILY` is compared with diffusers' classic pipelines; see `family_table.py`."""
