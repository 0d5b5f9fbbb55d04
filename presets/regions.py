"""Prompts by region, as a function of the blocks of a task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..blocks.core.block import Block
from ..blocks.core.insertable_dict import InsertableDict
from ..blocks.steps.denoise import Denoise
from ..blocks.techniques.predicting import with_prediction
from ..blocks.techniques.regions import (
    EncodeRegions,
    EncodeWeightedRegions,
    PredictRegions,
    PrepareRegionWeights,
    RegionalDenoise,
    TakeLabelRegions,
    TakeRegionLabels,
    TakeRegions,
)
from ..blocks.techniques.weighted_prompt import EncodeWeightedPrompt
from ..families.contract import FamilyContract
from ..state import CompositionError
from .tasks import Blocks, named_blocks, of_family


def with_regions(blocks: Mapping[str, Any], family: FamilyContract) -> Blocks:
    """Return the blocks of a task, with a prompt (or a class) for each region of the image.

    `region_prompts` (of families that are told classes, `region_labels`) and `region_masks` are its inputs, and `prompt` (`class_labels`) is for
    the places that no mask covers. It can be made of a task with a ControlNet, and a ControlNet added to it. Where prompts are read with weights
    of words (`with_prompt_weights`, before or after), those of regions are, too.

    Raises:
        CompositionError: the family is told nothing, or is not that of the blocks, or the blocks are those of no task.

    Example:
        >>> from brickwork.families.flux import FLUX
        >>> from brickwork.presets.tasks import text2image
        >>> list(with_regions(text2image(FLUX), FLUX))[:5]
        ['regions', 'resolve_size', 'text_encoder', 'input', 'region_encoder']
    """
    made: Blocks = InsertableDict(named_blocks(blocks, "with_regions(blocks)"))
    of_family(made, family, "with_regions(blocks, family)")
    absent = [name for name in ("input", "denoise") if name not in made]
    if absent:
        raise CompositionError(
            f"with_regions(blocks) takes the blocks of a task, and there is no {absent[0]!r} among these: {', '.join(made)}."
        )
    take: type[Block]
    encode: type[Block]
    if family.text_encodings:
        weighted = EncodeWeightedPrompt.bind(family) in made.values()
        encodes = EncodeWeightedRegions if weighted else EncodeRegions
        take, encode = TakeRegions.bind(family), encodes.bind(family)
    elif family.fields("labels"):
        take, encode = TakeLabelRegions.bind(family), TakeRegionLabels.bind(family)
    else:
        raise CompositionError(
            f"The denoiser of {family.name} is told nothing beside its latents, so no region can be told something else."
        )
    is_plain = made["denoise"] is Denoise.bind(family)
    made["denoise"] = (
        RegionalDenoise.bind(family) if is_plain else with_prediction(made["denoise"], PredictRegions, family)
    )
    made.insert_after("input", "region_encoder", encode)
    made.insert_before("denoise", "region_weights", PrepareRegionWeights.bind(family))
    return made.insert("regions", take, 0)
