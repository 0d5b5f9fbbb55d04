"""Blocks that encode, under the path that diffusers has for them."""

from . import (
    StableDiffusionXLAutoIPAdapterStep,
    StableDiffusionXLInpaintVaeEncoderStep,
    StableDiffusionXLTextEncoderStep,
    StableDiffusionXLVaeEncoderStep,
)

__all__ = [
    "StableDiffusionXLAutoIPAdapterStep",
    "StableDiffusionXLInpaintVaeEncoderStep",
    "StableDiffusionXLTextEncoderStep",
    "StableDiffusionXLVaeEncoderStep",
]
