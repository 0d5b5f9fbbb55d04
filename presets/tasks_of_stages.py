"""Tasks of families that draw images in stages, each larger than the one before: functions, as those of `tasks`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..blocks.core.insertable_dict import InsertableDict
from ..blocks.techniques.super_resolution import HandOnPixels, NoiseEnlarged
from ..families.contract import FamilyContract
from .scopes import embeds_of, named_by, stage, unchanged
from .tasks import Blocks, named_blocks, text2image

_ALIKE = ("prompt", "negative_prompt", "num_images_per_prompt", "generator")
"""Inputs that all stages have in common."""
_OWN = ("num_inference_steps", "guidance_scale", "height", "width")
"""Inputs that each stage has for itself."""


def enlarging(family: FamilyContract) -> Blocks:
    """Return the blocks that make small images larger as a text says, for denoisers over pixels that read them enlarged beside their own."""
    return text2image(family).insert_before("denoise", "small_image", NoiseEnlarged.bind(family))


def with_small_stage(family: FamilyContract, of_small: FamilyContract) -> Blocks:
    """Return the blocks of a stage that makes larger what another family draws of the same embeddings of a text, both in one.

    Components of the first stage have "small_" before their names, and so have its `num_inference_steps`, `guidance_scale`, `height` and `width`.
    """
    made = enlarging(family)
    inner = text2image(of_small)
    del inner["text_encoder"]
    del inner["decode"]
    alike = (*embeds_of(family), "num_images_per_prompt", "generator")
    inputs = {**unchanged(alike), **named_by("small", _OWN)}
    return made.insert_after("text_encoder", "small", stage("small", inner, inputs, {"latents": "small_pixels"}))


def with_stages(blocks: Mapping[str, Any], family: FamilyContract, of_small: FamilyContract) -> Blocks:
    """Return the blocks of a task that makes larger what two stages have drawn, all three in one, told the same text.

    Components of both stages have "stages_" before their names, and so have the inputs that each has for itself.
    """
    made: Blocks = InsertableDict(named_blocks(blocks, "with_stages(blocks)"))
    inner = with_small_stage(family, of_small)
    inner["decode"] = HandOnPixels.bind(family)
    own = (*_OWN, *named_by("small", _OWN).values(), "noise_level", *embeds_of(family))
    inputs = {**unchanged(_ALIKE), **named_by("stages", own)}
    return made.insert("stages", stage("stages", inner, inputs, {"image": "image"}), 0)
