"""Prompts by region: every prompt is predicted for the whole image, and counts where its mask says.

The sum of predictions by masks is that of Bar-Tal et al. 2023 ("MultiDiffusion", https://arxiv.org/abs/2302.08113, section 4.2, equation 5);
it needs nothing of the network, so that every family has it whose denoiser is told something.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Annotated, Any

from attrs import define, evolve, field

from ...families.contract import Autoencoder
from ...families.prompt_syntax import PromptSyntax
from ...guiders import GuidanceStep
from ...state import Conditioning, Fault, Group, InputError, Outputs
from ...state.vocabulary import (
    AttentionArguments,
    BatchSize,
    ClassLabels,
    ClipSkip,
    DType,
    GuidanceMemory,
    GuidanceScale,
    Height,
    HostTimestep,
    ImagesPerPrompt,
    MaxSequenceLength,
    Prompt,
    RegionLabels,
    RegionMasks,
    RegionPrompts,
    RegionTold,
    RegionWeights,
    ScaledLatents,
    StepCount,
    StepIndex,
    Timestep,
    Width,
)
from ..core.block import Block
from ..core.slots import component, config
from ..steps.class_labels import TakeClassLabels
from ..steps.denoise import Denoise, ScaleLatents, StepScheduler
from ..steps.denoiser_call import DenoiserCall
from ..steps.encode_prompt import EncodePositivePrompt
from ..steps.expand_batch import expanded
from ..steps.given_image import given_image
from ..steps.predict_noise import PredictNoise
from .predict_parts import PartsMemo, PredictParts
from .weighted_prompt import SYNTAX_DOC, WeightedTexts

if TYPE_CHECKING:
    from torch import Tensor


class TakeRegions(Block):
    """Look at prompts and masks of regions; where no prompt is given for the rest of the image, the regions must cover all of it."""

    class Out(Outputs):
        prompt: Prompt

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no prompt or mask, how many there must be, and which place nothing is said of."""
        prompts = given.get("region_prompts")
        for number, each in enumerate(prompts if isinstance(prompts, list) else ()):
            texts = each if isinstance(each, list) else [each]
            if not texts or not all(isinstance(text, str) for text in texts):
                text = f"region_prompts[{number}] is {each!r:.80}; give a text, or a list with one for each prompt."
                yield Fault(text, "region_prompts")
        has_base = given.get("prompt") is not None or any(
            given.get(part.positive) is not None for part in self.family.fields("prompt_embeds")
        )
        yield from region_faults("region_prompts", given, "prompt", has_base)

    def run(
        self,
        region_prompts: RegionPrompts,
        region_masks: RegionMasks,  # noqa: ARG002 - looked at beforehand
        prompt: Prompt | None = None,
    ) -> Out:
        # Where there is none, no place is left to it; the first one's rows then say how many images there are.
        return self.Out(prompt=region_prompts[0] if prompt is None else prompt)


class TakeLabelRegions(Block):
    """Look at classes and masks of regions; where no class is given for the rest of the image, the regions must cover all of it."""

    class Out(Outputs):
        class_labels: ClassLabels

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no class or mask, how many there must be, and which place nothing is said of."""
        labels = given.get("region_labels")
        for number, each in enumerate(labels if isinstance(labels, list) else ()):
            classes = each if isinstance(each, list) else [each]
            if not classes or not all(type(label) is int and label >= 0 for label in classes):
                text = f"region_labels[{number}] is {each!r:.80}; give the number of a class, or a list with one for each class."
                yield Fault(text, "region_labels")
        yield from region_faults("region_labels", given, "class_labels", given.get("class_labels") is not None)

    def run(
        self,
        region_labels: RegionLabels,
        region_masks: RegionMasks,  # noqa: ARG002 - looked at beforehand
        class_labels: ClassLabels | None = None,
    ) -> Out:
        return self.Out(class_labels=region_labels[0] if class_labels is None else class_labels)


def region_faults(told: str, given: Mapping[str, Any], base: str, has_base: bool) -> Iterable[str]:
    """Yield what is wrong with masks: their number, sizes and numbers, and places of which nothing is said.

    Args:
        told: the input that has one for each mask. base: the input that says what the rest of the image shows.
    """
    asked, given_masks = given.get(told), given.get("region_masks")
    if not isinstance(asked, list) or not isinstance(given_masks, list):  # said already
        return
    if not asked and not given_masks:
        yield Fault(f"{told} and region_masks are empty; give a region, or take the blocks without regions.", told)
        return
    if len(asked) != len(given_masks):
        text = f"{told} holds {len(asked)} regions and region_masks {len(given_masks)} masks; give one mask for each."
        yield Fault(text, told, "region_masks")
        return
    try:
        masks = mask_numbers(given_masks)
    except InputError as error:
        yield Fault(str(error), "region_masks")
        return
    if not has_base and not bool((masks.sum(0) > 0).all()):
        uncovered = int((masks.sum(0) == 0).sum())
        yield Fault(
            f"region_masks leave {uncovered} of {masks[0].numel()} pixels to no region, and there is no {base} for them. Give "
            f"{base}=..., or masks that cover the image.",
            "region_masks",
            base,
        )


def mask_numbers(masks: Sequence[Any]) -> Tensor:
    """Return masks, `[regions height width]`, in 0..1.

    Raises:
        InputError: one is no mask, or they differ in size.
    """
    import numpy as np
    import torch

    found = []
    for number, mask in enumerate(masks):
        name = f"region_masks[{number}]"
        made = given_image(mask, name, "mask")
        if hasattr(made, "getbbox"):
            numbers = torch.from_numpy(np.asarray(made.convert("L")).astype("float32") / 255)[None, None]
        elif isinstance(made, list):
            raise InputError(f"{name} holds {len(made)} masks; a region has one.")
        else:
            numbers = made.float() if isinstance(made, torch.Tensor) else torch.from_numpy(made).movedim(-1, 1).float()
        if len(numbers) != 1:
            raise InputError(f"{name} holds {len(numbers)} masks; a region has one.")
        found.append(numbers[0, 0].cpu())
    sizes = [f"{mask.shape[0]}x{mask.shape[1]}" for mask in found]
    if len(set(sizes)) > 1:
        raise InputError(f"region_masks are of different sizes: {', '.join(sizes)}. Each is as large as the image.")
    return torch.stack(found)


class EncodeRegions(EncodePositivePrompt):
    """Encode the prompts of regions, a row for each image. What the images shall not show is that of the whole image."""

    class Out(Outputs):
        region_told: RegionTold

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        region_prompts: RegionPrompts,
        batch_size: BatchSize,
        dtype: DType,
        num_images_per_prompt: ImagesPerPrompt = 1,
        clip_skip: ClipSkip | None = None,
        cross_attention_kwargs: AttentionArguments | None = None,
        max_sequence_length: MaxSequenceLength | None = None,
    ) -> Out:
        first = self.family.fields("prompts")[0].positive
        told = []
        for number, prompt in enumerate(region_prompts):
            texts = prompt if isinstance(prompt, list) else [prompt]
            if len(texts) not in (1, batch_size):
                raise InputError(
                    f"region_prompts[{number}] holds {len(texts)} texts, and there are {batch_size} prompts; give one for each, or a single text."
                )
            # A row for each prompt, as of a list of prompts: encoders round batches of other sizes otherwise.
            rows = Conditioning({first: texts * (batch_size // len(texts))})
            embeds = self.encoded(rows, clip_skip, cross_attention_kwargs, max_sequence_length)
            told.append(expanded(embeds, dtype, num_images_per_prompt))
        return self.Out(region_told=told)


class EncodeWeightedRegions(WeightedTexts, EncodeRegions):
    """Encode the prompts of regions, words by their weights and long texts in chunks."""

    prompt_syntax: PromptSyntax = config("a1111", doc=SYNTAX_DOC)

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what in the prompts of regions cannot be read, and what the encoders cannot."""
        for number, each in enumerate(given.get("region_prompts") or ()):
            texts = each if isinstance(each, list) else [each]
            if all(isinstance(text, str) for text in texts):  # else said already
                found = self.text_faults(f"region_prompts[{number}]", texts)
                yield from (Fault(text, "region_prompts") for text in found)
        yield from super().misfits(given)


class TakeRegionLabels(TakeClassLabels):
    """Make the rows of the classes of regions."""

    class Out(Outputs):
        region_told: RegionTold

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say which classes the denoiser does not know."""
        labels = [
            label for each in given.get("region_labels") or () for label in (each if isinstance(each, list) else [each])
        ]
        for fault in super().misfits({"class_labels": labels}):
            yield Fault(fault.replace("class_labels", "region_labels", 1), "region_labels")

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self, region_labels: RegionLabels, batch_size: BatchSize, num_images_per_prompt: ImagesPerPrompt = 1
    ) -> Out:
        import torch

        (part,) = self.family.fields("labels")
        told = []
        for number, each in enumerate(region_labels):
            labels = each if isinstance(each, list) else [each]
            if len(labels) not in (1, batch_size):
                raise InputError(
                    f"region_labels[{number}] holds {len(labels)} classes, and there are {batch_size} of the whole image; give one for each, "
                    "or a single class."
                )
            rows = torch.tensor(labels * (batch_size // len(labels)), device=self.device)
            told.append({part.positive: rows.repeat_interleave(num_images_per_prompt)})
        return self.Out(region_told=told)


class PrepareRegionWeights(Block):
    """Bring masks to the size of latents, and say how much each prompt counts at each place: in sum 1.

    A place that no mask covers is that of the prompt for the whole image.
    """

    vae: Autoencoder = component(config_only=True)

    class Out(Outputs):
        region_weights: RegionWeights

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say that masks are of another size than the images are said to be."""
        height, width, masks = given.get("height"), given.get("width"), given.get("region_masks")
        if isinstance(height, int) and isinstance(width, int) and isinstance(masks, list) and masks:
            try:
                refuse_other_size(mask_numbers(masks[:1]), height, width)
            except InputError as error:
                yield Fault(str(error), "region_masks")

    def run(self, region_masks: RegionMasks, height: Height, width: Width, dtype: DType) -> Out:
        import torch
        from torch.nn import functional as F

        masks = mask_numbers(region_masks)
        refuse_other_size(masks, height, width)
        factor = self.family.vae_scale_factor(self.vae)
        # The mean of a latent's pixels: exactly 1 where a mask is 1 everywhere.
        given = F.interpolate(masks[:, None], size=(height // factor, width // factor), mode="area")
        total = given.sum(0, keepdim=True)
        covered = total > 0
        weights = torch.where(covered, given / total.masked_fill(~covered, 1), 0)
        return self.Out(region_weights=torch.cat([(~covered).float(), weights]).to(self.device, dtype))


def refuse_other_size(masks: Tensor, height: int, width: int) -> None:
    """Refuse masks `[regions height width]` that are of another size than the images.

    Raises:
        InputError: they are.
    """
    rows, columns = masks.shape[-2:]
    if (rows, columns) != (height, width):
        raise InputError(
            f"region_masks are {rows}x{columns} (height x width), and the images {height}x{width}; give masks of that size."
        )


@define(eq=False)
class _RegionMemo(PartsMemo):
    """`used`: numbers of the prompts that count anywhere. `told`: what the denoiser is told of each, made of `common`."""

    used: list[int] | None = None
    common: Conditioning | None = None
    told: dict[int, Conditioning] = field(factory=dict)


class PredictRegions(PredictParts):
    """Predict for the prompt of each region, as the guider does for one, and mix the predictions by place.

    A prompt that counts nowhere is not predicted. Where one alone counts, its prediction is the result, bit for bit.
    """

    Memo = _RegionMemo
    if TYPE_CHECKING:
        memo: _RegionMemo

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        scaled_latents: ScaledLatents,
        t: Timestep,
        i: StepIndex,
        num_inference_steps: StepCount,
        conditioning: Annotated[Conditioning, Group("denoiser_input_fields")],
        region_weights: RegionWeights,
        region_told: RegionTold,
        guidance_scale: GuidanceScale | None = None,
        guidance_memory: GuidanceMemory = None,
        cross_attention_kwargs: AttentionArguments | None = None,
        host_t: HostTimestep | None = None,
        **of_parts: Any,
    ) -> PredictNoise.Out:
        step = GuidanceStep(i, num_inference_steps)
        whole = DenoiserCall(scaled_latents, t, step, conditioning, cross_attention_kwargs, host_t=host_t)
        asked = {
            number: evolve(whole, conditioning=told)
            for number, told in self._told(conditioning, region_told, region_weights).items()
        }
        found, memory = self.of_parts_alone(asked, guidance_scale, guidance_memory, dict.fromkeys(asked, of_parts))
        if len(found) == 1:
            return self.Out(noise_pred=next(iter(found.values())), guidance_memory=memory)
        mixed = reduce(add, (each * region_weights[number].to(each.dtype) for number, each in found.items()))
        return self.Out(noise_pred=mixed, guidance_memory=memory)

    def _told(
        self, common: Conditioning, region_told: Sequence[Mapping[str, Any]], weights: Tensor
    ) -> dict[int, Conditioning]:
        """Return what the denoiser is told of each prompt that counts; the very objects of the step before, where nothing changed."""
        memo = self.memo
        if memo.used is None:
            memo.used = [number for number, each in enumerate(weights) if bool(each.any())]
        if memo.common is not common:
            memo.common = common
            memo.told = {n: common if n == 0 else Conditioning({**common, **region_told[n - 1]}) for n in memo.used}
        return memo.told


class RegionalDenoise(Denoise):
    """Denoise the latents, with a prompt for each region."""

    block_classes = [ScaleLatents, PredictRegions, StepScheduler]
    block_names = ["before_denoiser", "denoiser", "after_denoiser"]
