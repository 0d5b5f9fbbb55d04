"""Tasks as functions of a model family: each binds the standard steps to it, and gives blocks by name, to copy and edit.

A family says by data what it has: where it has no sizes, no step tells the denoiser about them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.block import Block
from ..blocks.core.insertable_dict import InsertableDict
from ..blocks.steps.check_safety import CheckSafety, DecodeCheckedInpaint
from ..blocks.steps.class_labels import TakeBatchSize, TakeClassLabels, TakeNoClass, TakeOptionalClassLabels
from ..blocks.steps.control import ControlledDenoise, ControlNetResiduals, PrepareControl, PrepareImageControl
from ..blocks.steps.decode import Decode
from ..blocks.steps.denoise import Denoise, with_denoiser_input
from ..blocks.steps.denoiser_call import DenoiserInput
from ..blocks.steps.encode_control import EncodeControl, EncodeInpaintControl, EncodeMaskedControl
from ..blocks.steps.encode_edited_image import EncodeEditedImage
from ..blocks.steps.encode_image import EncodeImage
from ..blocks.steps.encode_inpaint import EncodeControlledInpaintImage, EncodeInpaintImage, EncodeMaskedImage
from ..blocks.steps.encode_prompt import EncodePrompt
from ..blocks.steps.encode_variation import EncodeVariation
from ..blocks.steps.estimate_depth import EstimateDepth
from ..blocks.steps.expand_batch import ExpandBatch
from ..blocks.steps.inpaint import (
    ControlledInpaintDenoise,
    DecodeInpaint,
    InpaintDenoise,
    PrepareMask,
)
from ..blocks.steps.inpaint_control import PrepareInpaintControl
from ..blocks.steps.ip_adapter import AutoImagePrompt
from ..blocks.steps.noise_image import NoiseImage
from ..blocks.steps.prepare_image_latents import PrepareImageLatents, PrepareInpaintLatents
from ..blocks.steps.prepare_latents import PrepareLatents, PrepareSizedLatents
from ..blocks.steps.prepare_size_conditioning import (
    PrepareImageSizeConditioning,
    PrepareSizeConditioning,
    PrepareUnratedSizeConditioning,
)
from ..blocks.steps.resolve_size import ResolveSize
from ..blocks.steps.set_timesteps import (
    SetInpaintTimesteps,
    SetPartialTimesteps,
    SetSizedInpaintTimesteps,
    SetSizedPartialTimesteps,
    SetSizedTimesteps,
    SetTimesteps,
)
from ..blocks.steps.t2i_adapter import AdaptedDenoise, AdapterFeatures, EncodeAdapterImage, EncodeSizedAdapterImage
from ..blocks.techniques.differential import DifferentialDenoise, PrepareChangeMap, PrepareDifferentialLatents
from ..blocks.techniques.enlarge_latents import EnlargeLatents
from ..blocks.techniques.precondition import PreconditionedDenoise
from ..blocks.techniques.regions import EncodeRegions, EncodeWeightedRegions
from ..blocks.techniques.trained_sizes import DecodeAsAsked, ResolveTrainedSize
from ..blocks.techniques.weighted_prompt import EncodeWeightedPrompt
from ..families.contract import UNBOUND, FamilyContract
from ..state import CompositionError
from ..state.errors import named_thing

Blocks = InsertableDict[type[ModularPipelineBlocks]]
"""Classes of blocks by name, in the order in which they run."""


def text2image(family: FamilyContract) -> Blocks:
    """Return the blocks of text to image; of families that read no text, of class to image, or of images from noise alone.

    Example:
        >>> from brickwork.families.sdxl import SDXL
        >>> list(text2image(SDXL))
        ['text_encoder', 'input', 'set_timesteps', 'prepare_latents', 'prepare_add_cond', 'denoise', 'decode']
    """
    made: Blocks = InsertableDict(
        **_told(family),
        set_timesteps=SetTimesteps.bind(family),
        prepare_latents=PrepareLatents.bind(family),
        denoise=Denoise.bind(family),
        decode=Decode.bind(family),
    )
    return _told_sizes(made, PrepareSizeConditioning, family)


def image2image(family: FamilyContract) -> Blocks:
    """Return the blocks of image to image."""
    made: Blocks = InsertableDict(
        **_told(family, image_encoder=EncodeImage.bind(family)),
        set_timesteps=SetPartialTimesteps.bind(family),
        prepare_latents=PrepareImageLatents.bind(family),
        denoise=Denoise.bind(family),
        decode=Decode.bind(family),
    )
    return _told_sizes(made, PrepareImageSizeConditioning, family)


def inpainting(family: FamilyContract) -> Blocks:
    """Return the blocks of inpainting, with denoisers that read latents alone, or mask and masked image, too."""
    made: Blocks = InsertableDict(
        **_told(family, image_encoder=EncodeInpaintImage.bind(family)),
        set_timesteps=SetInpaintTimesteps.bind(family),
        prepare_latents=PrepareInpaintLatents.bind(family),
        prepare_mask=PrepareMask.bind(family),
        prepare_masked_image=EncodeMaskedImage.bind(family),
        denoise=InpaintDenoise.bind(family),
        decode=DecodeInpaint.bind(family),
    )
    return _told_sizes(made, PrepareImageSizeConditioning, family)


def differential(family: FamilyContract) -> Blocks:
    """Return the blocks of image to image whose strength is of each place by itself, as a map says (`change_map`)."""
    made: Blocks = InsertableDict(
        **_told(family, image_encoder=EncodeImage.bind(family)),
        set_timesteps=SetTimesteps.bind(family),
        prepare_latents=PrepareDifferentialLatents.bind(family),
        prepare_map=PrepareChangeMap.bind(family),
        denoise=DifferentialDenoise.bind(family),
        decode=Decode.bind(family),
    )
    return _told_sizes(made, PrepareImageSizeConditioning, family)


def edit(family: FamilyContract) -> Blocks:
    """Return the blocks that edit an image as a text says, for denoisers that read it beside the latents."""
    return text2image(family).insert_before("prepare_latents", "reference", EncodeEditedImage.bind(family))


def upscaling(family: FamilyContract) -> Blocks:
    """Return the blocks that make an image larger, for denoisers that read it beside latents of its size."""
    return text2image(family).insert_before("prepare_latents", "small_image", NoiseImage.bind(family))


def latent_upscaling(family: FamilyContract) -> Blocks:
    """Return the blocks that make an image twice as large, for preconditioned denoisers that read its latents beside their own."""
    made = text2image(family).insert_before("prepare_latents", "small_image", EnlargeLatents.bind(family))
    made["denoise"] = PreconditionedDenoise.bind(family)
    return made


def variation(family: FamilyContract) -> Blocks:
    """Return the blocks that draw images like a given one: for denoisers that are told it in the place of a text; of families that read
    no text, image to image of which nobody says what it shall show.
    """
    if family.fields("prompt_embeds"):
        return InsertableDict(text2image(family), input=EncodeVariation.bind(family))
    made = image2image(family)
    return InsertableDict(made, input=TakeNoClass.bind(family)) if family.fields("labels") else made


def depth2image(family: FamilyContract) -> Blocks:
    """Return the blocks of image to image for denoisers that read the image's depth beside the latents."""
    return image2image(family).insert_before("prepare_latents", "depth", EstimateDepth.bind(family))


def _told(family: FamilyContract, **images: Any) -> dict[str, Any]:
    """Return what a task begins with: text, the number of a class, or nothing but the number of images; then what reads images."""
    if family.text_encodings:
        return {"text_encoder": EncodePrompt.bind(family), **images, "input": ExpandBatch.bind(family)}
    if family.fields("prompt_embeds"):
        return {**images, "input": ExpandBatch.bind(family)}
    return {**images, "input": _beginning(family).bind(family)}


def _beginning(family: FamilyContract) -> type[Block]:
    labels = family.fields("labels")
    if not labels:
        return TakeBatchSize
    return TakeClassLabels if labels[0].required else TakeOptionalClassLabels


_SIZED: dict[type[Block], type[Block]] = {
    PrepareLatents: PrepareSizedLatents,
    SetTimesteps: SetSizedTimesteps,
    SetPartialTimesteps: SetSizedPartialTimesteps,
    SetInpaintTimesteps: SetSizedInpaintTimesteps,
}
"""What chooses timesteps, and makes latents, of families whose schedule reads the size."""


def _sized(made: Blocks, family: FamilyContract) -> Blocks:
    """Let the schedule read the size, if the family's does; the size is then known before anything else."""
    if not family.schedule_reads_size:
        return made
    for plain, sized in _SIZED.items():
        for name, block in made.items():
            if block is plain.bind(family):
                made[name] = sized.bind(family)
    return made.insert("resolve_size", ResolveSize.bind(family), 0)


def _told_sizes(made: Blocks, step: type[ModularPipelineBlocks], family: FamilyContract) -> Blocks:
    """Tell the denoiser about sizes and crops, if the family's is told such."""
    made = _sized(made, family)
    if step is PrepareImageSizeConditioning and not family.told_ratings:
        step = PrepareUnratedSizeConditioning
    return made.insert_before("denoise", "prepare_add_cond", step.bind(family)) if family.fields("sizes") else made


def named_blocks(blocks: object, taker: str, example: str = "TEXT2IMAGE_BLOCKS") -> Mapping[str, Any]:
    """Return blocks by name that a function was given.

    Raises:
        CompositionError: it is something else.
    """
    if not isinstance(blocks, Mapping):
        raise CompositionError(
            f"{taker} takes a dict of names and blocks, such as {example}, and was given {named_thing(blocks)}."
        )
    return blocks


def of_family(blocks: Mapping[str, Any], family: object, taker: str) -> None:
    """Refuse what is no contract of a family, and one to which none of the blocks is bound.

    Raises:
        CompositionError: it is.
    """
    if not isinstance(family, FamilyContract):
        raise CompositionError(
            f"{taker} takes the contract of a family, as brickwork.registry.families.get(name) returns, and was given {family!r:.60}."
        )
    bound = {each.family.name for each in blocks.values() if getattr(each, "family", UNBOUND) is not UNBOUND}
    if bound and family.name not in bound:
        raise CompositionError(f"{taker} was given the family {family.name}, and blocks of {', '.join(sorted(bound))}.")


CONTROLLED = {Denoise: ControlledDenoise, InpaintDenoise: ControlledInpaintDenoise}
ADAPTED = {Denoise: AdaptedDenoise}
"""Loops that have a name, under which files know them, where one other network tells the denoiser something."""


def _with_input(denoise: object, named: Mapping[Any, Any], part: type[DenoiserInput], family: FamilyContract) -> Any:
    for plain, told in named.items():
        if denoise is plain.bind(family):
            return told.bind(family)
    return with_denoiser_input(denoise, part)


def control(family: FamilyContract) -> Blocks:
    """Return what control adds to a task, by name: the first before the denoising, the second in its place."""
    step = _control_encoder(family) if family.control_latents else PrepareControl
    return InsertableDict(controlnet_input=step.bind(family), denoise=ControlledDenoise.bind(family))


def _control_encoder(family: FamilyContract) -> type[EncodeControl]:
    return EncodeMaskedControl if family.masked_control else EncodeControl


def with_control(blocks: Mapping[str, Any], family: FamilyContract) -> Blocks:
    """Return the blocks of a task, steered by ControlNets.

    Text to image takes its size from the control image where none is given; the other tasks from their own image.
    """
    made: Blocks = InsertableDict(named_blocks(blocks, "with_control(blocks)"))
    if made.get("image_encoder") is EncodeInpaintImage.bind(family):
        made["image_encoder"] = EncodeControlledInpaintImage.bind(family)
    made["denoise"] = _with_input(made["denoise"], CONTROLLED, ControlNetResiduals, family)
    if family.control_latents and not family.draws_control:
        encodes = EncodeInpaintControl if "prepare_mask" in made else _control_encoder(family)
        is_known = "resolve_size" in made or "image_encoder" not in made
        place = "prepare_latents" if is_known else _where_sizes_are_known(made)
        return made.insert_before(place, "controlnet_input", encodes.bind(family))
    if family.control_latents:
        # Its latents are drawn before those of other images, as in the classic pipelines.
        made.insert_before("prepare_latents", "controlnet_input", EncodeControl.bind(family))
        encoder = made.pop("image_encoder", None)
        return made if encoder is None else made.insert_after("controlnet_input", "image_encoder", encoder)
    if "image_encoder" not in made:
        return made.insert_before("prepare_latents", "controlnet_input", PrepareControl.bind(family))
    step = PrepareInpaintControl if "prepare_mask" in made else PrepareImageControl
    return made.insert_before(_where_sizes_are_known(made), "controlnet_input", step.bind(family))


def _where_sizes_are_known(made: Blocks) -> str:
    """Return before which block of an image's task its size is known, and nothing has been made for that size yet."""
    readers = ("windows", "prepare_map", "prepare_add_cond", "denoise")
    return next(name for name in made if name in readers)


def adapter(family: FamilyContract) -> Blocks:
    """Return what a T2I-Adapter adds to text to image, by name."""
    return InsertableDict(adapter_input=EncodeAdapterImage.bind(family), denoise=AdaptedDenoise.bind(family))


def with_adapter(blocks: Mapping[str, Any], family: FamilyContract) -> Blocks:
    """Return the blocks of a task with a T2I-Adapter, beside ControlNets where they are steered by such.

    Its image says the size of text to image, where nothing else does; in the other tasks it is brought to the size of their own image.
    """
    made: Blocks = InsertableDict(named_blocks(blocks, "with_adapter(blocks)"))
    made["denoise"] = _with_input(made["denoise"], ADAPTED, AdapterFeatures, family)
    if "image_encoder" not in made:
        return made.insert_before("prepare_latents", "adapter_input", EncodeAdapterImage.bind(family))
    return made.insert_before(_where_sizes_are_known(made), "adapter_input", EncodeSizedAdapterImage.bind(family))


def with_prompt_weights(blocks: Mapping[str, Any], family: FamilyContract) -> Blocks:
    """Return the blocks of a task that read weights of words in prompts, `(red:1.4)`, and prompts of any length.

    The syntax is that of the setting `prompt_syntax`. Prompts of regions, and those of a refiner, are read so, too.

    Raises:
        CompositionError: there is no block among them that encodes prompts of the family.
    """
    made: Blocks = InsertableDict(named_blocks(blocks, "with_prompt_weights(blocks)"))
    known = EncodePrompt.bind(family), EncodeWeightedPrompt.bind(family)
    if not any(block in known for block in made.values()):
        raise CompositionError(
            f"with_prompt_weights(blocks, {family.prefix}) replaces the block EncodePrompt of {family.name}, and there is none among "
            f"{', '.join(made)}. Give the blocks of a task of that family, such as TEXT2IMAGE_BLOCKS."
        )
    odd = [
        part.name
        for part, each in zip(family.roles["text_encoders"], family.text_encodings, strict=True)
        if not each.reads_alone
    ]
    if odd:
        raise CompositionError(
            f"with_prompt_weights(blocks, {family.prefix}): {' and '.join(odd)} of {family.name} reads a prompt inside of a message or an "
            "instruction, or in several layers, where weights of words have no meaning. Use the blocks as they are."
        )
    for name, block in made.items():
        weighted = _WEIGHTED.get(vars(block).get("bound_from")) if isinstance(block, type) else None
        if weighted is not None:
            # Of whichever family: a refiner is told the same prompt as its base.
            made[name] = weighted.bind(block.family)
    return made


_WEIGHTED: dict[type[ModularPipelineBlocks] | None, type[ModularPipelineBlocks]] = {
    EncodePrompt: EncodeWeightedPrompt,
    EncodeRegions: EncodeWeightedRegions,
}
"""What reads prompts, and what reads them with weights of words."""


def with_trained_sizes(blocks: Mapping[str, Any], family: FamilyContract) -> Blocks:
    """Return the blocks of text to image that draw the size next to the one that is asked for, of those that the denoiser was trained with.

    As classic pipelines do with `use_resolution_binning`. Where they resize the images, so do these. What is asked for is a multiple
    of the family's (`size_multiple`) here, too.

    Raises:
        CompositionError: the family has no such sizes, or the task takes its size from an image.
    """
    made: Blocks = InsertableDict(named_blocks(blocks, "with_trained_sizes(blocks)"))
    if type(family).trained_size is FamilyContract.trained_size:
        raise CompositionError(
            f"with_trained_sizes: {family.name} names no sizes that it was trained with; give height= and width=."
        )
    if "image_encoder" in made:
        raise CompositionError(
            "with_trained_sizes is for text to image: the other tasks take their size from the image that they are given."
        )
    made["prepare_latents"] = PrepareSizedLatents.bind(family)
    if family.keeps_asked_size:
        made["decode"] = DecodeAsAsked.bind(family)
    return made.insert("resolve_size", ResolveTrainedSize.bind(family), 0)


def image_prompt(family: FamilyContract) -> Blocks:
    """Return what IP-Adapters add to a task, by name: one block, which stands first."""
    return InsertableDict(ip_adapter=AutoImagePrompt.bind(family))


def safety_check(family: FamilyContract) -> Blocks:
    """Return what looks at images after they are decoded, by name: one block, which stands last."""
    return InsertableDict(safety_checker=CheckSafety.bind(family))


def with_safety_check(blocks: Mapping[str, Any], family: FamilyContract) -> Blocks:
    """Return the blocks of a task that looks at its images: last of all, or before they are put back into a whole image."""
    made: Blocks = InsertableDict(named_blocks(blocks, "with_safety_check(blocks)"))
    if made["decode"] is not DecodeInpaint.bind(family):
        return InsertableDict({**made, **safety_check(family)})
    made["decode"] = DecodeCheckedInpaint.bind(family)
    return made
