"""Families whose transformers read latents as they are, `[b c h w]`, and cut them into patches by themselves."""
