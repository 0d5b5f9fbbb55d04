"""A denoising that begins in one family and ends in another."""

from __future__ import annotations

from typing import Any, Literal

from ..blocks.core.insertable_dict import InsertableDict
from ..blocks.core.scope import Scope
from ..blocks.core.sequential import SequentialPipelineBlocks
from ..blocks.techniques.families_in_turn import (
    CompareVaes,
    DecodeClean,
    EncodeClean,
    FamiliesInTurn,
    KeepFirstTimesteps,
    KeepLastTimesteps,
    LeaveNoise,
    TakeLatents,
    UnscaleClean,
)
from ..families.contract import FamilyContract
from ..state import CompositionError
from .tasks import Blocks, of_family, text2image

_RENAMED = ("num_inference_steps", "guidance_scale", "sigmas", "timesteps", "eta")
"""Inputs that the second family has for itself, with "second_" before their names."""
_SHARED = ("height", "width")
"""Inputs of both that blocks of the second also write."""


def families_in_turn(
    first: FamilyContract, second: FamilyContract, through: Literal["pixels", "latents"] = "pixels"
) -> Blocks:
    """Return blocks that denoise in one family down to a level of noise, and from there in another. Both make images of the same prompt.

    `first_share` says how far the first goes. Components of the second have "second_" before their names, and so have its
    `num_inference_steps`, `guidance_scale`, `sigmas`, `timesteps` and `eta`, and embeddings in place of prompts.

    Args:
        through: "latents" where both have the same VAE, which each run looks at; the noise stays. "pixels" for any two: what the first family takes
            for the image is decoded, encoded, and noise of the second's level put on it.

    Raises:
        CompositionError: `through` is something else, or a family is no contract.

    Example:
        >>> from brickwork.families.sdxl import SDXL
        >>> from brickwork.families.flux import FLUX
        >>> list(families_in_turn(SDXL, FLUX)["denoise_in_turn"].sub_blocks)
        ['first', 'both', 'second']
    """
    if through not in ("pixels", "latents"):
        raise CompositionError(f'through is {through!r}; it is "pixels" or "latents".')
    for family in (first, second):
        of_family({}, family, "families_in_turn(first, second)")
    begins: Blocks = InsertableDict(text2image(first))
    begins.insert_after("set_timesteps", "keep_first", KeepFirstTimesteps.bind(first))
    begins.insert_after("denoise", "leave_noise", LeaveNoise.bind(first))
    del begins["decode"]
    ends: Blocks = InsertableDict(text2image(second))
    ends.insert_after("set_timesteps", "keep_last", KeepLastTimesteps.bind(second))
    if through == "latents":
        begins.insert("compare_vaes", CompareVaes.bind(first), 0)
        begins.insert_after("leave_noise", "unscale_clean", UnscaleClean.bind(first))
        ends["prepare_latents"] = TakeLatents.bind(second)
    else:
        begins.insert_after("leave_noise", "decode_clean", DecodeClean.bind(first))
        ends["prepare_latents"] = EncodeClean.bind(second)
    both = SequentialPipelineBlocks.from_blocks_dict({**begins, "second": _apart(ends, second)})
    choices: dict[str, Any] = {
        "first": SequentialPipelineBlocks.from_blocks_dict(text2image(first)),
        "both": both,
        "second": _apart(text2image(second), second, ("latents",)),
    }
    made: Any = FamiliesInTurn.from_blocks_dict(choices)
    return InsertableDict(denoise_in_turn=made)


def _apart(blocks: Blocks, family: FamilyContract, more: tuple[str, ...] = ()) -> Scope:
    """Return a scope with values and components of its own, of which images leave; `more` inputs are let in under their names."""
    inner = SequentialPipelineBlocks.from_blocks_dict(blocks)
    read = set(inner.input_names)
    embeds = [name for part in family.fields("prompt_embeds") for name in (part.positive, part.negative)]
    own = {name: f"second_{name}" for name in (*_RENAMED, *embeds) if name in read}
    shared = {name: name for name in (*_SHARED, *more) if name in read}
    components = {name: f"second_{name}" for name in inner.component_names}
    return Scope.from_blocks_dict(
        dict(blocks), inputs={**own, **shared}, outputs={"images": "images"}, components=components
    )
