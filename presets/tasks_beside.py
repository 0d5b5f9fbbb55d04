"""Tasks in which a denoiser reads images beside its latents, in further channels or tokens, or as text: functions of a family, as those of `tasks`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..blocks.core.insertable_dict import InsertableDict
from ..blocks.steps.denoise import Denoise
from ..blocks.steps.encode_beside import (
    EncodeControlImage,
    EncodeInpaintReferenceTokens,
    EncodeMaskedChannels,
    EncodeReferenceTokens,
)
from ..blocks.steps.encode_inpaint import DrawForMasked, EncodeLikelyInpaintImage
from ..blocks.steps.prepare_image_latents import PrepareImageLatents
from ..blocks.steps.resolve_size import ResolveArea, ResolveImageSize
from ..blocks.techniques.image_as_text import AddImagesToPrompt, PromptForImages, ZeroPrompt
from ..blocks.techniques.references import EncodePromptWithImages, EncodeReferences, ResolveReferencedSize
from ..families.contract import FamilyContract
from .tasks import Blocks, inpainting, named_blocks, text2image


def with_control_channels(blocks: Mapping[str, Any], family: FamilyContract) -> Blocks:
    """Return the blocks of a task for denoisers that read a control image in further channels.

    Its latents are drawn before those of other images, as in the classic pipelines.
    """
    made: Blocks = InsertableDict(named_blocks(blocks, "with_control_image(blocks)"))
    encoder = made.pop("image_encoder", None)
    if encoder is not None:
        made.insert_after("input", "image_encoder", encoder)
    made.insert_after("input", "control_image_encoder", EncodeControlImage.bind(family))
    if "prepare_mask" in made and family.draws_control:
        made.insert_after("input", "draw_for_masked", DrawForMasked.bind(family))
    return made


def filling(family: FamilyContract) -> Blocks:
    """Return the blocks of inpainting for denoisers that read mask and masked image in further channels."""
    made = inpainting(family)
    made.insert_after("set_timesteps", "image_encoder", made.pop("image_encoder"))
    # What lies outside of the mask is read, and not blended in.
    made["prepare_latents"] = PrepareImageLatents.bind(family)
    made["prepare_masked_image"] = EncodeMaskedChannels.bind(family)
    made["denoise"] = Denoise.bind(family)
    return made


def referring(family: FamilyContract) -> Blocks:
    """Return the blocks of text to image for denoisers that read a reference image in further tokens."""
    made = text2image(family)
    made["resolve_size"] = ResolveArea.bind(family)
    return made.insert_after("input", "image_encoder", EncodeReferenceTokens.bind(family))


def referring_inpainting(family: FamilyContract) -> Blocks:
    """Return the blocks of inpainting for denoisers that read the image itself, or another one, in further tokens."""
    made = inpainting(family)
    made["resolve_size"] = ResolveImageSize.bind(family)
    made["image_encoder"] = EncodeLikelyInpaintImage.bind(family)
    return made.insert_after("input", "reference_encoder", EncodeInpaintReferenceTokens.bind(family))


def with_references(family: FamilyContract) -> Blocks:
    """Return the blocks of text to image for denoisers that read images in further tokens, each of its own size.

    Where the family has a processor of text and images, its text encoder sees them, too.
    """
    made = text2image(family)
    made["resolve_size"] = ResolveReferencedSize.bind(family)
    if "processor" in family.roles:
        made["text_encoder"] = EncodePromptWithImages.bind(family)
    return made.insert_after("input", "image_encoder", EncodeReferences.bind(family))


def text_and_images(family: FamilyContract) -> Blocks:
    """Return the blocks of text to image whose prompt is text and images."""
    return text2image(family).insert_after("text_encoder", "image_prompt", AddImagesToPrompt.bind(family))


def prompt_of_images(family: FamilyContract, *, reads_text: bool) -> Blocks:
    """Return the blocks that make embeddings of images, with text, or without text encoders."""
    encoder = PromptForImages if reads_text else ZeroPrompt
    return InsertableDict(text_encoder=encoder.bind(family), image_prompt=AddImagesToPrompt.bind(family))
