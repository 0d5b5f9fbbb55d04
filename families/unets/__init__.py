"""Families whose denoiser is a UNet of diffusers, over latents or pixels, and the priors before them."""
