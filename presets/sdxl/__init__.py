"""Stable Diffusion XL (Podell et al. 2023, https://arxiv.org/abs/2307.01952)."""

from .contract import SDXL
from .text2image import TEXT2IMAGE_BLOCKS

__all__ = ["SDXL", "TEXT2IMAGE_BLOCKS"]
