"""Tasks of families that draw what there is to see in an image, and of families that are steered by it: functions, as those of `tasks`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..blocks.core.insertable_dict import InsertableDict
from ..blocks.steps.denoise import Denoise
from ..blocks.steps.prepare_latents import PrepareSizedLatents
from ..blocks.steps.set_timesteps import SetTimesteps
from ..blocks.techniques.estimate import (
    DecodeDepth,
    DecodeDepthControl,
    EncodeNoPrompt,
    EncodeSeenImage,
    TakeOwnSteps,
    TellImages,
)
from ..families.contract import FamilyContract
from .scopes import named_by, stage, unchanged
from .tasks import Blocks, named_blocks

_RENAMED = ("processing_resolution", "num_inference_steps")
"""Inputs that depth has for itself, with "depth_" before their names."""


def estimating(family: FamilyContract, decode: type[DecodeDepth] = DecodeDepth) -> Blocks:
    """Return the blocks that draw what there is to see in images.

    Args:
        decode: makes it of latents.
    """
    return InsertableDict(
        text_encoder=EncodeNoPrompt.bind(family),
        image_encoder=EncodeSeenImage.bind(family),
        input=TellImages.bind(family),
        own_steps=TakeOwnSteps.bind(family),
        set_timesteps=SetTimesteps.bind(family),
        prepare_latents=PrepareSizedLatents.bind(family),
        denoise=Denoise.bind(family),
        decode=decode.bind(family),
    )


def steered_by_depth(blocks: Mapping[str, Any], of_depth: FamilyContract) -> Blocks:
    """Return the blocks of a task with ControlNets, whose control image is the depth of another image (`depth_image`), as a family sees it.

    Components of that family have "depth_" before their names, and so have its `num_inference_steps` and `processing_resolution`.
    """
    made: Blocks = InsertableDict(named_blocks(blocks, "steered_by_depth(blocks)"))
    inner = estimating(of_depth, DecodeDepthControl)
    inputs = {"image": "depth_image", "generator": "generator", **named_by("depth", _RENAMED)}
    return made.insert("depth", stage("depth", inner, inputs, unchanged(["control_image"])), 0)
