"""Presets as they were when the files beside this one were saved."""

from __future__ import annotations

from brickwork.blocks.steps.control import PrepareControl
from brickwork.blocks.steps.encode_inpaint import EncodeInpaintImage
from brickwork.presets.sdxl import SDXL, AutoBlocks


def auto_of_then() -> AutoBlocks:
    """Return all tasks in one, where steered inpainting had its control image whole, and the size of the UNet."""
    blocks = AutoBlocks()
    blocks.replace("image_encoder.inpaint", EncodeInpaintImage.bind(SDXL))
    blocks.replace("prepare_latents.inpaint.controlled.controlnet_input", PrepareControl.bind(SDXL))
    return blocks
