"""ControlNets: the images that steer, and the prediction that is steered by them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from attrs import evolve, field, frozen

from ...families.contract import ControlNet, with_rows
from ...families.controlnet import ControlNetInputs, is_union, kinds_of, nets_of
from ...guiders import GuidanceBranch
from ...state import Conditioning, Fault, Group, InputError, Outputs
from ...state.vocabulary import (
    BatchSize,
    ControlEnd,
    ControlImage,
    ControlImages,
    ControlKeep,
    ControlMode,
    ControlScale,
    ControlScales,
    ControlStart,
    ControlTypes,
    DType,
    GuessMode,
    Height,
    ImagesPerPrompt,
    ScheduledSteps,
    StepCount,
    StepIndex,
    Width,
)
from ..core.block import Block
from ..core.slots import component
from .control_rows import repeated_images, residuals_for_all, residuals_of
from .denoise import Denoise, ScaleLatents, StepScheduler
from .denoiser_call import DenoiserCall, DenoiserInput
from .denoiser_fit import control_faults, empty_windows
from .given_image import control_pixels, given_image, image_faults, unstretched
from .predict_noise import PredictNoise, repeated
from .prepare_image_latents import repeat_to_batch

if TYPE_CHECKING:
    import torch
    from diffusers.image_processor import VaeImageProcessor
    from torch import Tensor

_PER_NET = ("controlnet_conditioning_scale", "control_guidance_start", "control_guidance_end")
"""Inputs that are one number for all nets, or a list with one for each."""


@frozen
class ControlAsked:
    """What a call asks of control: weight, window, and what the images are."""

    scale: float | list[float] | None
    start: float | list[float]
    end: float | list[float]
    mode: int | list[Any] | None


class PrepareControl(Block):
    """Bring the control images to the size of the images, and say how much each counts at each step.

    Where no size is known yet, it is that of the control image.
    """

    default_scale: float = 1.0

    controlnet: ControlNet = component(config_only=True, doc="Steers the denoiser by an image.")
    control_image_processor: VaeImageProcessor = component(
        config={"vae_scale_factor": 8, "do_convert_rgb": True, "do_normalize": False}, doc="From PIL images, arrays."
    )

    class Out(Outputs):
        controlnet_cond: ControlImages
        conditioning_scale: ControlScales
        controlnet_keep: ControlKeep
        control_kinds: ControlTypes
        height: Height
        width: Width

    def component_faults(self, components: Mapping[str, Any]) -> Iterable[str]:
        """Union nets and others are not mixed: they count their images in different ways. All of them fit the VAE and the denoiser."""
        nets = nets_of(components["controlnet"]) if components.get("controlnet") is not None else []
        if len({is_union(net) for net in nets}) > 1:
            yield "controlnet: union ControlNets and others cannot be used together."
        yield from control_faults(self.family, "controlnet", nets, components)

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image; a list may hold one for each net. Control begins before it ends."""
        yield from image_faults(given, control_image="control")
        yield from empty_windows(given)

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say of how many nets, or kinds of control, the images and numbers are, where there are others."""
        nets = nets_of(self.controlnet)
        tries: list[tuple[str, Callable[[], object]]] = [
            (name, partial(for_each, name, given[name], len(nets))) for name in _PER_NET if given.get(name) is not None
        ]
        if given.get("control_image") is not None:
            mode, images = given.get("control_mode"), given["control_image"]
            tries.append(("control_image", lambda: self._per_net(nets, self._types(nets, mode), images)))
        for name, fits in tries:
            try:
                fits()
            except InputError as error:
                yield Fault(str(error), name)

    def run(
        self,
        control_image: ControlImage,
        batch_size: BatchSize,
        dtype: DType,
        num_inference_steps: StepCount,
        scheduled_steps: ScheduledSteps | None = None,
        num_images_per_prompt: ImagesPerPrompt = 1,
        controlnet_conditioning_scale: ControlScale | None = None,
        control_guidance_start: ControlStart = 0.0,
        control_guidance_end: ControlEnd = 1.0,
        control_mode: ControlMode | None = None,
        height: Height | None = None,
        width: Width | None = None,
    ) -> Out:
        asked = ControlAsked(controlnet_conditioning_scale, control_guidance_start, control_guidance_end, control_mode)
        rows = (batch_size, num_images_per_prompt, dtype)
        # Shares of all steps, also where denoising ends before the last, as in the classic pipelines.
        steps = scheduled_steps or num_inference_steps
        made, height, width = self.prepared(control_image, asked, rows, steps, height, width)
        return self.Out(**made, height=height, width=width)

    def pixels_of(self, shown: Any, height: int | None, width: int | None) -> Tensor:
        """Return a control image in pixels `[b c height width]`."""
        return control_pixels(self.control_image_processor, shown, height, width)  # type: ignore[no-any-return]  # a tensor of diffusers

    def prepared(
        self,
        control_image: ControlImage,
        asked: ControlAsked,
        rows: tuple[int, int, torch.dtype],
        steps: int,
        height: int | None,
        width: int | None,
    ) -> tuple[dict[str, Any], int, int]:
        """Return what the nets are given, by the names of outputs, and the size of the images.

        Args:
            rows: number of prompts, of images for each, and their number format. steps: of which the windows are shares.
        """
        nets = nets_of(self.controlnet)
        control_types = self._types(nets, asked.mode)
        given = self._per_net(nets, control_types, control_image)
        batch_size, each, dtype = rows
        images: list[Any] = []
        for control_type, shown_images in zip(control_types, given, strict=True):
            made = []
            for image in shown_images:
                shown = given_image(image, "control_image", "control")
                pixels = self.pixels_of(unstretched(shown, "control_image", height, width, self.warn), height, width)
                height, width = height or pixels.shape[-2], width or pixels.shape[-1]
                made.append(repeat_to_batch(pixels.float(), batch_size, each).contiguous().to(self.device, dtype))
            images.append(made if control_type is not None else made[0])
        scales, starts, ends = (
            for_each(name, value, len(nets))
            for name, value in (
                ("controlnet_conditioning_scale", self._scale(asked.scale)),
                ("control_guidance_start", asked.start),
                ("control_guidance_end", asked.end),
            )
        )
        assert height is not None
        assert width is not None
        found = {
            "controlnet_cond": _alone(images),
            "conditioning_scale": _alone(scales),
            "controlnet_keep": control_windows(steps, starts, ends),
            "control_kinds": control_types,
        }
        return found, height, width

    def _scale(self, given: Any) -> Any:
        return self.default_scale if given is None else given

    def _types(self, nets: Sequence[Any], mode: Any) -> list[Any]:
        """Per net the kinds of control, for union nets."""
        if not is_union(nets[0]):
            if mode is not None:
                raise InputError("control_mode is for union ControlNets; this one knows one kind of control.")
            return [None] * len(nets)
        if mode is None:
            raise InputError(
                "A union ControlNet must be told what its image is: give control_mode=, a number or a list."
            )
        modes = mode if isinstance(mode, list) else [mode]
        if len(nets) == 1 and not any(isinstance(each, list) for each in modes):
            modes = [modes]
        control_types = [each if isinstance(each, list) else [each] for each in modes]
        if len(control_types) != len(nets):
            raise InputError(
                f"control_mode names kinds for {len(control_types)} ControlNets, and there are {len(nets)}."
            )
        for net, own in zip(nets, control_types, strict=True):
            wrong = [control_type for control_type in own if not 0 <= control_type < kinds_of(net)]
            if wrong:
                raise InputError(
                    f"control_mode {wrong[0]} is unknown to the ControlNet; it knows 0 to {kinds_of(net) - 1}."
                )
        return control_types

    def _per_net(self, nets: Sequence[Any], control_types: Sequence[Any], image: Any) -> list[list[Any]]:
        """Per net its images: one, or one for each type of control."""
        wanted = [1 if control_type is None else len(control_type) for control_type in control_types]
        if len(nets) == 1:
            several = image if isinstance(image, (list, tuple)) and wanted[0] > 1 else [image]
            if len(several) != wanted[0]:
                raise InputError(f"{len(several)} control images were given for {wanted[0]} kinds of control.")
            return [list(several)]
        if not isinstance(image, (list, tuple)) or len(image) != len(nets):
            count = len(image) if isinstance(image, (list, tuple)) else 1
            raise InputError(
                f"{count} control images were given for {len(nets)} ControlNets; give a list with one for each."
            )
        return [
            list(one) if isinstance(one, (list, tuple)) and n > 1 else [one]
            for one, n in zip(image, wanted, strict=True)
        ]


def control_windows(steps: int, starts: Sequence[float], ends: Sequence[float]) -> list[Any]:
    """For each step 1 where a net counts, else 0."""
    windows = list(zip(starts, ends, strict=True))
    return [_alone([1.0 - float(i / steps < a or (i + 1) / steps > b) for a, b in windows]) for i in range(steps)]


def _alone(values: list[Any]) -> Any:
    """The one value itself, where there is one net; else the list."""
    return values[0] if len(values) == 1 else values


def for_each(name: str, value: Any, count: int, what: str = "ControlNets") -> list[float]:
    """One number for each of several networks: one for all, or a list."""
    values = list(value) if isinstance(value, (list, tuple)) else [value] * count
    if len(values) != count:
        raise InputError(f"{name} has {len(values)} values for {count} {what}; give one number, or one for each.")
    return [float(each) for each in values]


class PrepareImageControl(PrepareControl):
    """Prepare control where an image is given to begin from: it steers less, as in the classic pipeline."""

    default_scale: float = 0.8


@frozen(eq=False)
class _ControlMemo:
    """Images once per branch, made once for all steps that have the same; by the number of branches."""

    repeated: dict[int, tuple[tuple[Any, ...], list[Any]]] = field(factory=dict)


class ControlNetResiduals(DenoiserInput):
    """Residuals of ControlNets, for the denoiser's way down and middle."""

    spatial_inputs = ("controlnet_cond",)
    controlnet: ControlNet = component(doc="Steers the denoiser by an image.")

    Memo: ClassVar[type[_ControlMemo]] = _ControlMemo
    if TYPE_CHECKING:
        memo: _ControlMemo

    def prepare(
        self,
        i: StepIndex,
        controlnet_cond: ControlImages,
        conditioning_scale: ControlScales,
        controlnet_keep: ControlKeep,
        control_kinds: ControlTypes | None = None,
        guess_mode: GuessMode = False,
        told: Annotated[Conditioning, Group("control_text", "positive")] = Conditioning({}),
    ) -> ControlNetInputs | None:
        """Say what the nets are given at this step; None where none of them counts.

        Raises:
            InputError: the nets shall guess, which they were not trained for.
        """
        nets = nets_of(self.controlnet)
        guess = guess_mode or bool(getattr(nets[0].config, "global_pool_conditions", False))
        if guess and self.family.control_latents:
            raise InputError(
                f"guess_mode steers the positive prediction alone, and the ControlNets of {self.family.name} steer every one; leave it out."
            )
        count = len(nets)
        images = [controlnet_cond] if count == 1 else controlnet_cond
        scales = for_each("conditioning_scale", conditioning_scale, count)
        windows = for_each("controlnet_keep", controlnet_keep[i], count)
        weights = [scale * on for scale, on in zip(scales, windows, strict=True)]
        if not any(weights):
            return None
        words = {
            part.argument: told[part.positive]
            for part in self.family.fields("control_text")
            if told.get(part.positive) is not None
        }
        return ControlNetInputs(self.controlnet, images, weights, control_kinds or [None] * count, guess, words)

    def extra_inputs(
        self,
        prepared: ControlNetInputs,
        call: DenoiserCall,
        branches: Sequence[GuidanceBranch],
        latents: Tensor,
        kwargs: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        """Return the residuals of the nets; where they guess, zeros for negative branches."""
        prepared = evolve(prepared, denoiser=call.denoiser)
        if self.family.positive_control:
            return self._of_positive(prepared, call, branches, latents, kwargs)
        told = [not (prepared.guess and branch.negative) for branch in branches]
        if not any(told):
            return {}
        steered = [branch for branch, is_told in zip(branches, told, strict=True) if is_told]
        count = len(latents) // len(branches)
        words = {
            name: self._for_branches(value, latents[:count], len(steered)) for name, value in prepared.told.items()
        }
        given = evolve(prepared, images=self._images(prepared.images, len(steered)), told=words)
        if all(told):
            return self.family.control(given, latents, call.t, kwargs)
        own = self.family.denoiser_kwargs(call.conditioning, steered)
        rows = latents[: count * len(steered)]  # every branch has the same latents
        found = self.family.control(given, rows, call.t, own)
        return {name: residuals_of(value, told, count) for name, value in found.items()}

    def _of_positive(
        self,
        prepared: ControlNetInputs,
        call: DenoiserCall,
        branches: Sequence[GuidanceBranch],
        latents: Tensor,
        kwargs: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        """Return the residuals of the positive conditioning, for each branch."""
        count = len(latents) // len(branches)
        rows = latents[:count]
        own = self.family.denoiser_kwargs(call.conditioning, [evolve(branches[0], negative=False)])
        own |= self.family.static_kwargs(None, rows, own)
        # What is no conditioning is the same for all branches, such as a strength of guidance.
        more = {
            name: value[:count] if len(value) == len(latents) else value
            for name, value in kwargs.items()
            if name not in own and hasattr(value, "shape")
        }
        found = self.family.control(prepared, rows, call.t, {**more, **own})
        return {name: residuals_for_all(value, len(branches)) for name, value in found.items()}

    def _for_branches(self, value: Tensor, latents: Tensor, branches: int) -> Tensor:
        """Return what the caller tells the nets for each image of each branch; one row serves all images, one per prompt those of that prompt.

        Raises:
            InputError: there are more rows, or they fit no number of prompts.
        """
        rows = len(latents)
        if rows % len(value):
            (name,) = [part.positive for part in self.family.fields("control_text")]
            raise InputError(
                f"{name} has {len(value)} rows, and there are {rows} images; give one for each prompt, or one for all."
            )
        return repeated(with_rows(value.to(latents.device), rows), branches)

    def _images(self, images: Sequence[Any], count: int) -> Sequence[Any]:
        of, made = self.memo.repeated.get(count, ((), []))
        if list(map(id, of)) != list(map(id, images)):
            made = [repeated_images(each, count) for each in images]
            self.memo.repeated[count] = tuple(images), made
        return made


class PredictControlled(PredictNoise):
    """Predict, steered by ControlNets."""

    parts = [ControlNetResiduals]


class ControlledDenoise(Denoise):
    """Denoise the latents, steered by ControlNets."""

    block_classes = [ScaleLatents, PredictControlled, StepScheduler]
    block_names = ["before_denoiser", "denoiser", "after_denoiser"]
