"""Image to image."""

from __future__ import annotations

from ...blocks.core.insertable_dict import InsertableDict
from ...blocks.steps.encode_image import EncodeImage
from ...blocks.steps.prepare_image_latents import PrepareImageLatents
from ...blocks.steps.prepare_size_conditioning import PrepareImageSizeConditioning
from ...blocks.steps.set_timesteps import SetPartialTimesteps
from ...families.sdxl import SDXL
from .text2image import TEXT2IMAGE_BLOCKS, Blocks

IMAGE2IMAGE_BLOCKS: Blocks = InsertableDict(
    text_encoder=TEXT2IMAGE_BLOCKS["text_encoder"],
    image_encoder=EncodeImage.bind(SDXL),
    input=TEXT2IMAGE_BLOCKS["input"],
    set_timesteps=SetPartialTimesteps.bind(SDXL),
    prepare_latents=PrepareImageLatents.bind(SDXL),
    prepare_add_cond=PrepareImageSizeConditioning.bind(SDXL),
    denoise=TEXT2IMAGE_BLOCKS["denoise"],
    decode=TEXT2IMAGE_BLOCKS["decode"],
)
"""Blocks of image to image, by name; a dict to copy and edit."""
