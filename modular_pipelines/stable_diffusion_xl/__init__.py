"""Names of diffusers' modular Stable Diffusion XL."""

from ...presets.sdxl import TEXT2IMAGE_BLOCKS

__all__ = ["TEXT2IMAGE_BLOCKS"]
