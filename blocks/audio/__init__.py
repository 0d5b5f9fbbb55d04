"""Blocks of sound: waveforms, and the files that hold them."""
