"""Blocks of videos: frames, and the files that hold them."""
