"""Text to image."""

from __future__ import annotations

from ...blocks.core.base import ModularPipelineBlocks
from ...blocks.core.insertable_dict import InsertableDict
from ...blocks.steps.decode import Decode
from ...blocks.steps.denoise import Denoise
from ...blocks.steps.encode_prompt import EncodePrompt
from ...blocks.steps.expand_batch import ExpandBatch
from ...blocks.steps.prepare_latents import PrepareLatents
from ...blocks.steps.prepare_size_conditioning import PrepareSizeConditioning
from ...blocks.steps.set_timesteps import SetTimesteps
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
