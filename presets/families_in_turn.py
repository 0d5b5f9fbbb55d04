"""A denoising that begins in one family and ends in another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ..blocks.core.insertable_dict import InsertableDict
from ..blocks.core.sequential import SequentialPipelineBlocks
from ..blocks.techniques.compare_counts import CompareCounts
from ..blocks.techniques.families_in_turn import (
    CompareVaes,
    DecodeClean,
    DecodeDrawn,
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
from .scopes import embeds_of, named_by, stage, unchanged
from .tasks import Blocks, image2image, of_family, text2image

_RENAMED = ("num_inference_steps", "guidance_scale", "sigmas", "timesteps", "eta", "max_sequence_length", "clip_skip")
"""Inputs that the second family has for itself, with "second_" before their names."""
_SHARED = ("height", "width", "batch_size")
"""Inputs of both that blocks of the second also write."""


def families_in_turn(
    first: FamilyContract,
    second: FamilyContract,
    through: Literal["pixels", "latents"] = "pixels",
    compared: Literal["whole", "encoder"] = "whole",
) -> Blocks:
    """Return blocks that denoise in one family down to a level of noise, and from there in another. Both make images of the same prompt.

    `first_share` says how far the first goes. Components of the second have "second_" before their names, and so have its
    `num_inference_steps`, `guidance_scale`, `sigmas`, `timesteps`, `eta`, `max_sequence_length` and `clip_skip`, and embeddings in place of prompts.

    Args:
        through: "latents" where both have the same VAE, which each run looks at; the noise stays. "pixels" for any two: what the first family takes
            for the image is decoded, encoded, and noise of the second's level put on it.
        compared: "encoder" hands latents over also where the decoders of the VAEs have other weights, as where one was trained further.

    Raises:
        CompositionError: `through` or `compared` is something else, or a family is no contract.

    Example:
        >>> from brickwork.families.sdxl import SDXL
        >>> from brickwork.families.flux import FLUX
        >>> list(families_in_turn(SDXL, FLUX)["denoise_in_turn"].sub_blocks)
        ['first', 'both', 'second']
    """
    if through not in ("pixels", "latents"):
        raise CompositionError(f'through is {through!r}; it is "pixels" or "latents".')
    if compared not in ("whole", "encoder"):
        raise CompositionError(f'compared is {compared!r}; it is "whole" or "encoder".')
    for family in (first, second):
        of_family({}, family, "families_in_turn(first, second)")
    begins: Blocks = InsertableDict(text2image(first))
    begins.insert_after("set_timesteps", "keep_first", KeepFirstTimesteps.bind(first))
    begins.insert_after("denoise", "leave_noise", LeaveNoise.bind(first))
    del begins["decode"]
    ends: Blocks = InsertableDict(text2image(second))
    ends.insert_after("set_timesteps", "keep_last", KeepLastTimesteps.bind(second))
    if through == "latents":
        compare: Any = CompareVaes.bind(first)(compared=compared)
        begins.insert("compare_vaes", compare, 0)
        begins.insert_after("leave_noise", "unscale_clean", UnscaleClean.bind(first))
        ends["prepare_latents"] = TakeLatents.bind(second)
    else:
        begins.insert_after("leave_noise", "decode_clean", DecodeClean.bind(first))
        ends["prepare_latents"] = EncodeClean.bind(second)
    begins.insert("compare_counts", _compare_counts(first, second), 0)
    both = SequentialPipelineBlocks.from_blocks_dict({**begins, "second": _apart(ends, second)})
    choices: dict[str, Any] = {
        "first": SequentialPipelineBlocks.from_blocks_dict(text2image(first)),
        "both": both,
        "second": _apart(text2image(second), second, {"latents": "latents"}),
    }
    made: Any = FamiliesInTurn.from_blocks_dict(choices)
    return InsertableDict(denoise_in_turn=made)


def refined_by(first: FamilyContract, second: FamilyContract) -> Blocks:
    """Return blocks that draw an image in one family, and let another change it by image to image, as both do one after the other.

    The image is handed over as pixels, so any two families go together. `strength` says how much the second changes; its other names are
    those of `families_in_turn`.

    Raises:
        CompositionError: a family is no contract.

    Example:
        >>> from brickwork.families.flux import FLUX
        >>> from brickwork.families.sdxl import SDXL
        >>> list(refined_by(FLUX, SDXL))[-3:]
        ['denoise', 'decode', 'refine']
    """
    for family in (first, second):
        of_family({}, family, "refined_by(first, second)")
    begins: Blocks = InsertableDict(text2image(first))
    begins["decode"] = DecodeDrawn.bind(first)
    begins.insert("compare_counts", _compare_counts(first, second), 0)
    refine: Any = _apart(image2image(second), second, {"image": "clean_pixels", "strength": "strength"})
    return begins.insert_after("decode", "refine", refine)


def _compare_counts(first: FamilyContract, second: FamilyContract) -> Any:
    """Return a block that refuses numbers of texts and classes of which both would make different numbers of images."""
    # Embeddings stand in the place of texts.
    embeds = [f"second_{part.positive}" for part in second.fields("prompt_embeds")]
    # One class may serve all images where the family can do without: that is known where it is read.
    is_optional = any(not part.required for part in second.fields("labels"))
    asked = [] if is_optional else [part.positive for part in second.fields("prompts")]
    return CompareCounts.bind(first)(counted=[*embeds, *asked])


def _apart(blocks: Blocks, family: FamilyContract, more: Mapping[str, str] = {}) -> Any:
    """Return a scope with values and components of its own, of which images leave; `more` inputs are let in, under other names."""
    read = set(SequentialPipelineBlocks.from_blocks_dict(blocks).input_names)
    inputs = {**named_by("second", (*_RENAMED, *embeds_of(family))), **unchanged(_SHARED), **more}
    known = {name: outside for name, outside in inputs.items() if name in read}
    return stage("second", blocks, known, unchanged(["images"]))
