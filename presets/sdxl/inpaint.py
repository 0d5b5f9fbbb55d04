"""Inpainting, with denoisers that read latents alone (4 channels), or mask and masked picture, too (9)."""

from __future__ import annotations

from ...blocks.core.insertable_dict import InsertableDict
from ...blocks.steps.inpaint import DecodeInpaint, EncodeInpaintImage, EncodeMaskedImage, InpaintDenoise, PrepareMask
from ...blocks.steps.prepare_image_latents import PrepareInpaintLatents
from ...blocks.steps.set_timesteps import SetInpaintTimesteps
from ...families.sdxl import SDXL
from .image2image import IMAGE2IMAGE_BLOCKS
from .text2image import Blocks

INPAINT_BLOCKS: Blocks = InsertableDict(
    text_encoder=IMAGE2IMAGE_BLOCKS["text_encoder"],
    image_encoder=EncodeInpaintImage.bind(SDXL),
    input=IMAGE2IMAGE_BLOCKS["input"],
    set_timesteps=SetInpaintTimesteps.bind(SDXL),
    prepare_latents=PrepareInpaintLatents.bind(SDXL),
    prepare_mask=PrepareMask.bind(SDXL),
    prepare_masked_image=EncodeMaskedImage.bind(SDXL),
    prepare_add_cond=IMAGE2IMAGE_BLOCKS["prepare_add_cond"],
    denoise=InpaintDenoise.bind(SDXL),
    decode=DecodeInpaint.bind(SDXL),
)
"""Blocks of inpainting, by name; a dict to copy and edit."""
