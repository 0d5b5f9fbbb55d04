"""Text to image."""

from __future__ import annotations

from ...blocks.base import ModularPipelineBlocks
from ...blocks.decode import Decode
from ...blocks.denoise import Denoise
from ...blocks.encode_prompt import EncodePrompt
from ...blocks.expand_batch import ExpandBatch
from ...blocks.insertable_dict import InsertableDict
from ...blocks.prepare_latents import PrepareLatents
from ...blocks.prepare_size_conditioning import PrepareSizeConditioning
from ...blocks.set_timesteps import SetTimesteps
from ...families.sdxl import SDXL

Blocks = InsertableDict[type[ModularPipelineBlocks]]

TEXT2IMAGE_BLOCKS: Blocks = InsertableDict(
    text_encoder=EncodePrompt.bind(SDXL),
    input=ExpandBatch.bind(SDXL),
    set_timesteps=SetTimesteps.bind(SDXL),
    prepare_latents=PrepareLatents.bind(SDXL),
    prepare_add_cond=PrepareSizeConditioning.bind(SDXL),
    denoise=Denoise.bind(SDXL),
    decode=Decode.bind(SDXL),
)
"""Blocks of text to image, by name; a dict to copy and edit."""
