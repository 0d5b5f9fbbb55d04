"""Compositions, under the path that the seed's pages have for them."""

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
