"""Images larger than what is denoised at once: overlapping windows, whose predictions are averaged (panoramas, tiles).

Bar-Tal et al. 2023, "MultiDiffusion" (https://arxiv.org/abs/2302.08113, section 4.1, equation 3), average what one step makes of every window.
Here the predictions are averaged, and the solver takes one step of the whole. Where a step is a sum of latents and prediction, as of Euler's
method or DDIM without clipping, both are the same; but solvers that remember predictions or draw noise do so once for the whole image.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from attrs import define, evolve, field

from ...engine import Node
from ...families.contract import Autoencoder, Denoiser
from ...families.packing import CHANNELS, TOKENS
from ...guiders import GuidanceStep
from ...state import CompositionError, Conditioning, Fault, Group, InputError, Outputs
from ...state.vocabulary import (
    AttentionArguments,
    Circular,
    GuidanceMemory,
    GuidanceScale,
    Height,
    HostTimestep,
    Latents,
    OutputType,
    ScaledLatents,
    StepCount,
    StepIndex,
    Timestep,
    Width,
    WindowHeight,
    Windows,
    WindowStride,
    WindowWidth,
)
from ..core.block import Block
from ..core.flattening import Flattening
from ..core.slots import component
from ..steps.decode import Decode
from ..steps.denoise import Denoise, ScaleLatents, StepScheduler
from ..steps.denoiser_call import DenoiserCall, DenoiserInput
from ..steps.predict_noise import PredictNoise
from ..steps.resolve_size import sides_of
from .predict_parts import PartsMemo, PredictParts

if TYPE_CHECKING:
    from torch import Tensor

Window = tuple[int, int, int, int]
"""Top, bottom, left and right in latents; columns count on over the right edge of a circular image."""

_SIDES = {"window_height": "height", "window_width": "width"}


class PrepareWindows(Block):
    """Lay windows over the image, the last of a row or column at its edge, so that every place is covered."""

    denoiser: Denoiser = component(config_only=True)
    vae: Autoencoder = component(config_only=True)

    class Out(Outputs):
        windows: Windows
        window_height: WindowHeight
        window_width: WindowWidth

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say which windows are larger than the image, of a size that the family has not, or too far from each other."""
        odd = {name: self.family.size_fault(name, given.get(name)) for name in (*_SIDES, "window_stride")}
        yield from (fault for fault in odd.values() if fault)
        # What is no size at all is said once, and not held against others.
        yield from window_faults({name: value for name, value in given.items() if not odd.get(name)})

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say of which size a denoiser takes no windows, where theirs is given."""
        rows, columns = (given.get(name) for name in _SIDES)
        if not isinstance(rows, int) or not isinstance(columns, int):
            return
        if not any(self.family.size_fault("", side) for side in (rows, columns)):
            yield from self._untaken(rows, columns)

    def _untaken(self, rows: int, columns: int) -> Iterable[str]:
        """Yield that the denoiser takes no latents of a window of a size in pixels."""
        import torch

        shape = self.family.latent_shape(self.denoiser, self.vae, 1, rows, columns)
        fault = self.family.latents_fault(self.denoiser, torch.empty(shape, device="meta"))
        if fault:
            yield Fault(
                f"window_height={rows} and window_width={columns}: each window is denoised as an image of that size, and of such a one it is said: "
                f"{fault}",
                *_SIDES,
            )

    def run(
        self,
        height: Height,
        width: Width,
        window_height: WindowHeight | None = None,
        window_width: WindowWidth | None = None,
        window_stride: WindowStride | None = None,
        circular: Circular = False,
    ) -> Out:
        own = sides_of(self.family, self.denoiser, self.vae, window_height, window_width)
        rows, columns = window_height or min(own["height"], height), window_width or min(own["width"], width)
        multiple = self.family.size_multiple
        stride = window_stride or max(min(rows, columns) // 8 // multiple, 1) * multiple
        known = {"height": height, "width": width, "window_height": rows, "window_width": columns}
        faults = list(window_faults({**known, "window_stride": stride})) or list(self._untaken(rows, columns))
        if faults:
            raise InputError(" ".join(faults))
        factor = self.family.vae_scale_factor(self.vae)
        windows = [
            (top // factor, (top + rows) // factor, left // factor, (left + columns) // factor)
            for top in window_starts(height, rows, stride)
            for left in window_starts(width, columns, stride, circular)
        ]
        return self.Out(windows=windows, window_height=rows, window_width=columns)


def window_faults(given: Mapping[str, Any]) -> Iterable[str]:
    """Yield what is wrong with sizes in pixels that are known: windows beyond the image, and gaps between them."""
    stride = given.get("window_stride")
    for name, side in _SIDES.items():
        window, whole = given.get(name), given.get(side)
        if isinstance(window, int) and isinstance(whole, int) and window > whole:
            text = f"{name} is {window}, and the images have {side}={whole}; give a window of that or less."
            yield Fault(text, name, side)
        if isinstance(window, int) and isinstance(stride, int) and stride > window:
            text = f"window_stride is {stride} and {name} {window}, which leaves gaps; give a stride of that or less."
            yield Fault(text, "window_stride", name)


def window_starts(length: int, window: int, stride: int, circular: bool = False) -> list[int]:
    """Return where windows begin along a side: the last ends with it; where the side is a circle, all around."""
    if circular:
        return list(range(0, length, stride))
    return [*range(0, length - window, stride), length - window]


@define(eq=False)
class _WindowMemo(PartsMemo):
    """What lies over the image, cut for windows: by window and name, with what it was cut from."""

    cut: dict[tuple[int, str], tuple[Any, Any]] = field(factory=dict)


class PredictWindows(PredictParts):
    """Predict for each window, as the guider does for an image, and average the predictions where windows overlap.

    The prediction of a single window over the whole image is the result, bit for bit.
    """

    Memo = _WindowMemo
    if TYPE_CHECKING:
        memo: _WindowMemo

    def steps(self, flattening: Flattening, path: str) -> list[Node]:
        """Return one leaf step.

        Raises:
            CompositionError: a network steers the prediction of which no window can be cut.
        """
        whole = [part for part in self.parts if issubclass(part, DenoiserInput) and part.spatial_inputs is None]
        if whole:
            name = getattr(whole[0], "bound_from", whole[0]).__name__
            raise CompositionError(
                f"{path}: {name} steers the prediction of a whole image, and {type(self).__name__} predicts windows of it. Take a ControlNet, or "
                f"say in {name}.spatial_inputs which inputs lie over the image."
            )
        return super().steps(flattening, path)

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        scaled_latents: ScaledLatents,
        t: Timestep,
        i: StepIndex,
        num_inference_steps: StepCount,
        conditioning: Annotated[Conditioning, Group("denoiser_input_fields")],
        windows: Windows,
        guidance_scale: GuidanceScale | None = None,
        guidance_memory: GuidanceMemory = None,
        cross_attention_kwargs: AttentionArguments | None = None,
        host_t: HostTimestep | None = None,
        **of_parts: Any,
    ) -> PredictNoise.Out:
        step = GuidanceStep(i, num_inference_steps)
        whole = DenoiserCall(scaled_latents, t, step, conditioning, cross_attention_kwargs, host_t=host_t)
        if len(windows) == 1:
            guided, memory = self.predicted(whole, guidance_scale, guidance_memory, of_parts)
            return self.Out(noise_pred=guided, guidance_memory=memory)
        self._refuse_whole(whole)
        asked, parts = {}, {}
        size = scaled_latents.shape[-2:]
        for number, window in enumerate(windows):
            told = self._cut(number, "conditioning", conditioning, window, size)
            asked[number] = evolve(whole, latents=window_of(scaled_latents, window, size), conditioning=told)
            parts[number] = {name: self._cut(number, name, each, window, size) for name, each in of_parts.items()}
        found, memory = self.of_parts_alone(asked, guidance_scale, guidance_memory, parts)
        return self.Out(
            noise_pred=averaged({windows[n]: each for n, each in found.items()}, size), guidance_memory=memory
        )

    def _refuse_whole(self, call: DenoiserCall) -> None:
        """Refuse what is of the whole image, and of which no window can be cut.

        Raises:
            InputError: there is such a thing.
        """
        for part in self.family.fields("denoiser_input_fields"):
            if part.argument == TOKENS and call.conditioning.get(part.positive) is not None:
                raise InputError(
                    f"{part.positive} is of a whole image that the denoiser reads in tokens after its own, and a window is none. Denoise it in "
                    "one window: window_height and window_width as large as the image."
                )
        if call.attention and "ip_adapter_masks" in call.attention:
            raise InputError(
                "cross_attention_kwargs holds ip_adapter_masks, which lie over the whole image, and a window would see all of them. Leave them "
                "out, or denoise in one window."
            )

    def _cut(self, number: int, name: str, value: Any, window: Window, size: Sequence[int]) -> Any:
        """Return of a value what a window is given of it; the very object of the step before, where nothing changed."""
        known = self.memo.cut.get((number, name))
        if known is None or known[0] is not value:
            known = self.memo.cut[number, name] = value, self._window_of(name, value, window, size)
        return known[1]

    def _window_of(self, name: str, value: Any, window: Window, size: Sequence[int]) -> Any:
        if isinstance(value, Conditioning):
            fields = self.family.fields("denoiser_input_fields")
            over = {each for part in fields if part.argument == CHANNELS for each in (part.positive, part.negative)}
            cut = {each: window_of(value[each], window, size) for each in over if value.get(each) is not None}
            return Conditioning({**value, **cut}) if cut else value
        over = {each for part in self.parts if issubclass(part, DenoiserInput) for each in part.spatial_inputs or ()}
        return window_of(value, window, size) if name in over else value


def window_of(value: Any, window: Window, size: Sequence[int]) -> Any:
    """Return a window of tensors `[... height width]`, or of lists of such, that lie over latents of a size; they may be finer.

    Raises:
        InputError: they are no multiple of the latents.
    """
    import torch

    if isinstance(value, list):
        return [window_of(each, window, size) for each in value]
    rows, columns = value.shape[-2:]
    factor = columns // size[1]
    if factor == 0 or (rows, columns) != (size[0] * factor, size[1] * factor):
        raise InputError(
            f"A tensor of {rows}x{columns} lies over latents of {size[0]}x{size[1]}, and is no multiple of them, so no window can be cut from it."
        )
    top, bottom, left, right = (each * factor for each in window)
    if right <= columns:
        return value[..., top:bottom, left:right].contiguous()
    around = torch.arange(left, right, device=value.device) % columns
    return value[..., top:bottom, :].index_select(-1, around)


def averaged(predictions: Mapping[Window, Tensor], size: Sequence[int]) -> Tensor:
    """Return the mean of predictions `[b c rows columns]` of windows where they overlap, `[b c h w]`; in single precision until it is made."""
    import torch

    first = next(iter(predictions.values()))
    total = first.new_zeros((*first.shape[:2], *size), dtype=torch.float32)
    count = total.new_zeros(tuple(size))
    for (top, bottom, left, right), each in predictions.items():
        around = torch.arange(left, right, device=total.device) % size[1]
        total[..., top:bottom, around] += each
        count[top:bottom, around] += 1
    return (total / count).to(first.dtype)


class WindowedDenoise(Denoise):
    """Denoise the latents in overlapping windows."""

    block_classes = [ScaleLatents, PredictWindows, StepScheduler]
    block_names = ["before_denoiser", "denoiser", "after_denoiser"]


class DecodeCircular(Decode):
    """Turn latents into images; where the right edge goes on at the left one, with latents from beyond each edge, so that no seam is seen."""

    def run(self, latents: Latents, output_type: OutputType = "pil", circular: Circular = False) -> Decode.Out:
        if output_type == "latent":
            return self.Out(images=latents)
        if not circular:
            return self.Out(images=self.image_processor.postprocess(self.decoded(latents), output_type=output_type))
        import torch

        beyond = min(_BEYOND, latents.shape[-1])
        pixels = self.decoded(torch.cat([latents[..., -beyond:], latents, latents[..., :beyond]], -1))
        edge = beyond * self.family.vae_scale_factor(self.vae)
        cut = pixels[..., edge : pixels.shape[-1] - edge]
        return self.Out(images=self.image_processor.postprocess(cut, output_type=output_type))


_BEYOND = 8
"""Latents that are decoded beyond each edge: as far as most convolutions of a VAE see."""
