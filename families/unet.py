"""What families share whose denoiser is a UNet of diffusers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .layers import Layer

if TYPE_CHECKING:
    import torch

    from .roles import Denoiser

_STAGES = ("down_blocks", "mid_block", "up_blocks")


def unet_layers(unet: torch.nn.Module) -> list[Layer]:
    """Return transformer blocks of diffusers' UNets, in the order in which they run."""
    found = [
        (path, module) for path, module in unet.named_modules() if type(module).__name__ == "BasicTransformerBlock"
    ]
    # diffusers makes the middle block after the two others, and modules are listed as they were made; sorting keeps
    # the order within a stage.
    found.sort(key=lambda named: _STAGES.index(named[0].partition(".")[0]))
    return [Layer(path, module) for path, module in found]


_ENOUGH_TOKENS = 64
"""What the middle block of Stable Diffusion 1.5 has. Below, attention has little to say: with 16 tokens perturbing it did
nothing (training/embedded_model/measure_guiders.py)."""


def middle_of_unet(unet: Denoiser, layers: Sequence[Layer]) -> list[int]:
    """Return the layers of the middle block, which Ahn et al. 2024 (2403.17377, section 5.3) found best; else the
    deepest.

    In UNets whose middle block sees few tokens at the size they were trained for, the first layer after it that sees enough.
    """
    stages = len(unet.config.block_out_channels)
    middle = [number for number, layer in enumerate(layers) if layer.path.startswith("mid_block.")]
    if middle and _tokens(unet, stages - 1) >= _ENOUGH_TOKENS:
        return middle
    for number, layer in enumerate(layers):
        if layer.path.startswith("up_blocks."):
            depth = stages - 1 - int(layer.path.split(".")[1])
            if _tokens(unet, depth) >= _ENOUGH_TOKENS:
                return [number]
    deepest = [n for n, layer in enumerate(layers) if layer.path.startswith("down_blocks.")][-1:]
    return middle or deepest


def _tokens(unet: Denoiser, depth: int) -> int:
    """Return how many a layer sees after so many halvings, at the size that the UNet was trained for."""
    size = unet.config.sample_size
    height, width = (size, size) if isinstance(size, int) else size
    return int(height // 2**depth) * int(width // 2**depth)


def projections(denoiser: object) -> list[Any]:
    """Return what turns images into tokens in a denoiser, one per IP-Adapter; none where no adapter is loaded."""
    return list(getattr(getattr(denoiser, "encoder_hid_proj", None), "image_projection_layers", ()))
