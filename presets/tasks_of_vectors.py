"""Tasks of families whose decoder is told the vector of an image, which a prior makes of a text: functions of both, as those of `tasks`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..blocks.core.insertable_dict import InsertableDict
from ..blocks.steps.encode_prompt import EncodeNegativePrompt, EncodePositivePrompt
from ..blocks.steps.expand_batch import ExpandBatch
from ..blocks.steps.prepare_latents import PrepareLatents
from ..blocks.steps.set_timesteps import SetTimesteps
from ..blocks.techniques.hint import PrepareHint, TellKnown
from ..blocks.techniques.noised_vectors import AskOfNothing, NoiseVectors, SeeImages, TakePositiveVectors
from ..blocks.techniques.vectors import (
    AskNegativeVectors,
    DenoiseVectors,
    ExpandVectors,
    TakeVectors,
)
from ..families.contract import FamilyContract
from .scopes import named_by, stage, unchanged
from .tasks import Blocks, inpainting, named_blocks, text2image

_RENAMED = ("num_inference_steps", "guidance_scale", "latents")
"""Inputs that a prior has for itself, with "prior_" before their names."""


def prior(family: FamilyContract) -> Blocks:
    """Return the blocks that make vectors of images of prompts, `image_embeds` and `negative_image_embeds`."""
    return InsertableDict(
        ask_negative=AskNegativeVectors.bind(family),
        text_encoder=EncodePositivePrompt.bind(family),
        negative_text_encoder=EncodeNegativePrompt.bind(family),
        input=ExpandBatch.bind(family),
        set_timesteps=SetTimesteps.bind(family),
        prepare_latents=PrepareLatents.bind(family),
        denoise=DenoiseVectors.bind(family),
        take_vectors=TakeVectors.bind(family),
    )


def with_hint(blocks: Mapping[str, Any], family: FamilyContract) -> Blocks:
    """Return the blocks of a task whose denoiser is itself steered by an image (`control_image`)."""
    made: Blocks = InsertableDict(named_blocks(blocks, "with_hint(blocks)"))
    return made.insert_before("denoise", "hint", PrepareHint.bind(family))


def inpainting_beside(family: FamilyContract) -> Blocks:
    """Return the blocks of inpainting for denoisers that read what lies outside of the mask, and where, beside the latents."""
    made = inpainting(family)
    del made["prepare_masked_image"]
    return made.insert_after("prepare_mask", "known", TellKnown.bind(family))


def with_prior(blocks: Mapping[str, Any], family: FamilyContract, of_prior: FamilyContract) -> Blocks:
    """Return the blocks of a task whose vectors a prior makes of prompts, in a scope of its own.

    Components of the prior have "prior_" before their names, and so have its `num_inference_steps`, `guidance_scale` and `latents`.
    """
    made: Blocks = InsertableDict(named_blocks(blocks, "with_prior(blocks)"))
    made["input"] = ExpandVectors.bind(family)
    inner = prior(of_prior)
    inputs = {**named_by("prior", _RENAMED), **unchanged(["prompt", "negative_prompt", "generator"])}
    outputs = unchanged(["image_embeds", "negative_image_embeds"])
    return made.insert("prior", stage("prior", inner, inputs, outputs), 0)


def noised_vectors(family: FamilyContract) -> Blocks:
    """Return the blocks of text to image for denoisers that are told the vector of an image with noise on it (`image_embeds`)."""
    return text2image(family).insert_after("input", "noise_vectors", NoiseVectors.bind(family))


def vectors_of_images(family: FamilyContract) -> Blocks:
    """Return the blocks that draw images like a given one, for denoisers that are told its vector with noise on it, and a text."""
    return noised_vectors(family).insert("image_encoder", SeeImages.bind(family), 0)


def vectors_of_text(family: FamilyContract, of_prior: FamilyContract) -> Blocks:
    """Return the blocks of text to image for denoisers that are told the vector that a prior makes of the text, with noise on it.

    Components of the prior but for its network, and its `num_inference_steps`, `guidance_scale` and `latents`, have "prior_" before their names.
    """
    inner = prior(of_prior)
    inner["ask_negative"] = AskOfNothing.bind(of_prior)
    inner["take_vectors"] = TakePositiveVectors.bind(of_prior)
    own = {part.name for part in of_prior.roles["denoiser"]}
    scope = stage("prior", inner, named_by("prior", _RENAMED), unchanged(["image_embeds"]), own)
    return noised_vectors(family).insert("prior", scope, 0)
