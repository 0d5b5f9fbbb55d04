"""Blocks, guiders, a family and a preset that were written against API 1 of Brickwork."""
