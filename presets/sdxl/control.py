"""Steering by ControlNets, which fit into every task, and by T2I-Adapters, for text to image: two blocks each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...blocks.core.insertable_dict import InsertableDict
from ...blocks.steps.control import ControlledDenoise, ControlNetResiduals, PrepareControl, PrepareImageControl
from ...blocks.steps.denoise import Denoise, with_denoiser_input
from ...blocks.steps.inpaint import ControlledInpaintDenoise, InpaintDenoise
from ...blocks.steps.t2i_adapter import AdaptedDenoise, AdapterFeatures, EncodeAdapterImage
from ...families.sdxl import SDXL
from .text2image import Blocks

CONTROLNET_BLOCKS: Blocks = InsertableDict(
    controlnet_input=PrepareControl.bind(SDXL),
    denoise=ControlledDenoise.bind(SDXL),
)
"""What control adds to a task, by name: the first before the denoising, the second in its place."""

_DENOISE: dict[Any, Any] = {
    Denoise.bind(SDXL): CONTROLNET_BLOCKS["denoise"],
    InpaintDenoise.bind(SDXL): ControlledInpaintDenoise.bind(SDXL),
}


def with_control(blocks: Mapping[str, Any]) -> Blocks:
    """Return the blocks of a task, steered by ControlNets.

    Text to image takes its size from the control picture where none is given; the other tasks from their own picture.
    """
    made: Blocks = InsertableDict(blocks)
    denoise = made["denoise"]
    made["denoise"] = _DENOISE.get(denoise) or with_denoiser_input(denoise, ControlNetResiduals)
    if "image_encoder" not in made:
        return made.insert_before("prepare_latents", "controlnet_input", CONTROLNET_BLOCKS["controlnet_input"])
    kind = PrepareControl if "prepare_mask" in made else PrepareImageControl
    return made.insert_before("prepare_add_cond", "controlnet_input", kind.bind(SDXL))


T2I_ADAPTER_BLOCKS: Blocks = InsertableDict(
    adapter_input=EncodeAdapterImage.bind(SDXL),
    denoise=AdaptedDenoise.bind(SDXL),
)
"""What a T2I-Adapter adds to text to image, by name."""


_DENOISE_ADAPTED: dict[Any, Any] = {Denoise.bind(SDXL): T2I_ADAPTER_BLOCKS["denoise"]}


def with_adapter(blocks: Mapping[str, Any]) -> Blocks:
    """Return the blocks of a task with a T2I-Adapter, beside ControlNets where they are steered by such.

    Its image says the size of text to image, where nothing else does.
    """
    made: Blocks = InsertableDict(blocks)
    made["denoise"] = _DENOISE_ADAPTED.get(made["denoise"]) or with_denoiser_input(made["denoise"], AdapterFeatures)
    return made.insert_before("prepare_latents", "adapter_input", T2I_ADAPTER_BLOCKS["adapter_input"])
