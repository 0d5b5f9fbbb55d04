"""ControlNets: the pictures that steer, and the prediction that is steered by them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import evolve, field, frozen

from ...families.contract import ControlNet
from ...families.controlnet import ControlNetInputs, is_union, nets_of
from ...guiders import Branch
from ...state import InputError, Outputs
from ...state.vocabulary import (
    BatchSize,
    ControlEnd,
    ControlImage,
    ControlKeep,
    ControlKinds,
    ControlMode,
    ControlPictures,
    ControlScale,
    ControlScales,
    ControlStart,
    DType,
    GuessMode,
    Height,
    ImagesPerPrompt,
    StepCount,
    StepIndex,
    Width,
)
from ..core.block import Block
from ..core.slots import component
from .denoise import Denoise, ScaleLatents, StepScheduler
from .denoiser_call import DenoiserCall, DenoiserInput
from .predict_noise import PredictNoise, repeated
from .prepare_image_latents import repeat_to_batch

if TYPE_CHECKING:
    from diffusers.image_processor import VaeImageProcessor
    from torch import Tensor


class PrepareControl(Block):
    """Bring the control pictures to the size of the pictures, and say how much each counts at each step.

    Where no size is known yet, it is that of the control picture.
    """

    default_scale: float = 1.0

    controlnet: ControlNet = component(config_only=True, doc="Steers the denoiser by a picture.")
    control_image_processor: VaeImageProcessor = component(
        config={"vae_scale_factor": 8, "do_convert_rgb": True, "do_normalize": False}, doc="From PIL images, arrays."
    )

    class Out(Outputs):
        controlnet_cond: ControlPictures
        conditioning_scale: ControlScales
        controlnet_keep: ControlKeep
        control_kinds: ControlKinds
        height: Height
        width: Width

    def component_faults(self, components: Mapping[str, Any]) -> Iterable[str]:
        """Union nets and others are not mixed: they count their pictures in different ways."""
        nets = nets_of(components["controlnet"]) if components.get("controlnet") is not None else []
        if len({is_union(net) for net in nets}) > 1:
            yield "controlnet: union ControlNets and others cannot be used together."

    def run(
        self,
        control_image: ControlImage,
        batch_size: BatchSize,
        dtype: DType,
        num_inference_steps: StepCount,
        num_images_per_prompt: ImagesPerPrompt = 1,
        controlnet_conditioning_scale: ControlScale | None = None,
        control_guidance_start: ControlStart = 0.0,
        control_guidance_end: ControlEnd = 1.0,
        control_mode: ControlMode | None = None,
        height: Height | None = None,
        width: Width | None = None,
    ) -> Out:
        nets = nets_of(self.controlnet)
        kinds = self._kinds(nets, control_mode)
        given = self._per_net(nets, kinds, control_image)
        pictures: list[Any] = []
        for kind, images in zip(kinds, given, strict=True):
            made = []
            for image in images:
                pixels = self.control_image_processor.preprocess(image, height=height, width=width)
                height, width = pixels.shape[-2:]
                rows = repeat_to_batch(pixels.float(), batch_size, num_images_per_prompt).contiguous()
                made.append(rows.to(self.device, dtype))
            pictures.append(made if kind is not None else made[0])
        scales, starts, ends = (
            for_each(name, value, len(nets))
            for name, value in (
                ("controlnet_conditioning_scale", self._scale(controlnet_conditioning_scale)),
                ("control_guidance_start", control_guidance_start),
                ("control_guidance_end", control_guidance_end),
            )
        )
        assert height is not None
        assert width is not None
        return self.Out(
            controlnet_cond=_alone(pictures),
            conditioning_scale=_alone(scales),
            controlnet_keep=_keep(num_inference_steps, starts, ends),
            control_kinds=kinds,
            height=height,
            width=width,
        )

    def _scale(self, given: Any) -> Any:
        return self.default_scale if given is None else given

    def _kinds(self, nets: Sequence[Any], mode: Any) -> list[Any]:
        """Per net the kinds of control, for union nets."""
        if not is_union(nets[0]):
            if mode is not None:
                raise InputError("control_mode is for union ControlNets; this one knows one kind of control.")
            return [None] * len(nets)
        if mode is None:
            raise InputError(
                "A union ControlNet must be told what its picture is: give control_mode=, a number or a list."
            )
        modes = mode if isinstance(mode, list) else [mode]
        if len(nets) == 1 and not any(isinstance(each, list) for each in modes):
            modes = [modes]
        kinds = [each if isinstance(each, list) else [each] for each in modes]
        if len(kinds) != len(nets):
            raise InputError(f"control_mode names kinds for {len(kinds)} ControlNets, and there are {len(nets)}.")
        for net, own in zip(nets, kinds, strict=True):
            wrong = [kind for kind in own if not 0 <= kind < net.config.num_control_type]
            if wrong:
                raise InputError(
                    f"control_mode {wrong[0]} is unknown to the ControlNet; it knows 0 to {net.config.num_control_type - 1}."
                )
        return kinds

    def _per_net(self, nets: Sequence[Any], kinds: Sequence[Any], image: Any) -> list[list[Any]]:
        """Per net its pictures: one, or one for each kind."""
        wanted = [1 if kind is None else len(kind) for kind in kinds]
        if len(nets) == 1:
            several = image if isinstance(image, (list, tuple)) and wanted[0] > 1 else [image]
            if len(several) != wanted[0]:
                raise InputError(f"{len(several)} control pictures were given for {wanted[0]} kinds of control.")
            return [list(several)]
        if not isinstance(image, (list, tuple)) or len(image) != len(nets):
            count = len(image) if isinstance(image, (list, tuple)) else 1
            raise InputError(
                f"{count} control pictures were given for {len(nets)} ControlNets; give a list with one for each."
            )
        return [
            list(one) if isinstance(one, (list, tuple)) and n > 1 else [one]
            for one, n in zip(image, wanted, strict=True)
        ]


def _keep(steps: int, starts: Sequence[float], ends: Sequence[float]) -> list[Any]:
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
    """Prepare control where a picture is given to begin from: it steers less, as in the classic pipeline."""

    default_scale: float = 0.8


@frozen(eq=False)
class _ControlMemo:
    """Pictures once per branch, made once for all steps that have the same; by the number of branches."""

    repeated: dict[int, tuple[tuple[Any, ...], list[Any]]] = field(factory=dict)


class ControlNetResiduals(DenoiserInput):
    """Residuals of ControlNets, for the denoiser's way down and middle."""

    controlnet: ControlNet = component(doc="Steers the denoiser by a picture.")

    Memo: ClassVar[type[_ControlMemo]] = _ControlMemo
    if TYPE_CHECKING:
        memo: _ControlMemo

    def prepare(
        self,
        i: StepIndex,
        controlnet_cond: ControlPictures,
        conditioning_scale: ControlScales,
        controlnet_keep: ControlKeep,
        control_kinds: ControlKinds | None = None,
        guess_mode: GuessMode = False,
    ) -> ControlNetInputs | None:
        """Say what the nets are given at this step; None where none of them counts."""
        nets = nets_of(self.controlnet)
        guess = guess_mode or bool(getattr(nets[0].config, "global_pool_conditions", False))
        count = len(nets)
        pictures = [controlnet_cond] if count == 1 else controlnet_cond
        scales = for_each("conditioning_scale", conditioning_scale, count)
        windows = for_each("controlnet_keep", controlnet_keep[i], count)
        weights = [scale * on for scale, on in zip(scales, windows, strict=True)]
        if not any(weights):
            return None
        return ControlNetInputs(self.controlnet, pictures, weights, control_kinds or [None] * count, guess)

    def extra_inputs(
        self,
        prepared: ControlNetInputs,
        call: DenoiserCall,
        branches: Sequence[Branch],
        latents: Tensor,
        kwargs: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        """Return the residuals of the nets; where they guess, zeros for negative branches."""
        told = [not (prepared.guess and branch.negative) for branch in branches]
        if not any(told):
            return {}
        steered = [branch for branch, is_told in zip(branches, told, strict=True) if is_told]
        given = evolve(prepared, pictures=self._pictures(prepared.pictures, len(steered)))
        if all(told):
            return self.family.control(given, latents, call.t, kwargs)
        count = len(latents) // len(branches)
        own = self.family.denoiser_kwargs(call.conditioning, steered)
        rows = latents[: count * len(steered)]  # every branch has the same latents
        found = self.family.control(given, rows, call.t, own)
        return {name: _spread(value, told, count) for name, value in found.items()}

    def _pictures(self, pictures: Sequence[Any], count: int) -> Sequence[Any]:
        of, made = self.memo.repeated.get(count, ((), []))
        if len(of) != len(pictures) or any(one is not other for one, other in zip(of, pictures, strict=True)):
            made = [repeated_pictures(each, count) for each in pictures]
            self.memo.repeated[count] = tuple(pictures), made
        return made


class PredictControlled(PredictNoise):
    """Predict, steered by ControlNets."""

    parts = [ControlNetResiduals]


def repeated_pictures(pictures: Any, count: int) -> Any:
    """Control pictures of one net, once per branch."""
    return [repeated(each, count) for each in pictures] if isinstance(pictures, list) else repeated(pictures, count)


def _spread(value: Any, told: Sequence[bool], count: int) -> Any:
    """Residuals of some branches, with zeros for the others between them."""
    import torch

    if isinstance(value, list):
        return [_spread(each, told, count) for each in value]
    rows = iter(value.split(count))
    return torch.cat([next(rows) if is_told else torch.zeros_like(value[:count]) for is_told in told])


class ControlledDenoise(Denoise):
    """Denoise the latents, steered by ControlNets."""

    block_classes = [ScaleLatents, PredictControlled, StepScheduler]
    block_names = ["before_denoiser", "denoiser", "after_denoiser"]
