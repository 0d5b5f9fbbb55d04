"""Compositions, under the path that diffusers' pages have for them."""

from . import (
    StableDiffusionXLAutoBlocks,
    StableDiffusionXLAutoControlNetInputStep,
    StableDiffusionXLAutoIPAdapterStep,
    StableDiffusionXLControlNetAutoInput,
)

__all__ = [
    "StableDiffusionXLAutoBlocks",
    "StableDiffusionXLAutoControlNetInputStep",
    "StableDiffusionXLAutoIPAdapterStep",
    "StableDiffusionXLControlNetAutoInput",
]
