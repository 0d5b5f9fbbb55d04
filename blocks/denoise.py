"""The denoising loop: scale, predict, step."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from attrs import frozen

from ..guiders import Branch, ClassifierFreeGuidance, GuidanceStep
from ..state import Conditioning, Group, Outputs
from ..state.vocabulary import (
    Eta,
    Generators,
    GuidanceMemory,
    GuidanceScale,
    Latents,
    NoisePrediction,
    ScaledLatents,
    StepCount,
    StepIndex,
    Timestep,
    Timesteps,
)
from .block import Block
from .contract import Denoiser, Scheduler
from .encode_prompt import active_guider
from .loop import LoopSequentialPipelineBlocks
from .slots import component

if TYPE_CHECKING:
    from torch import Tensor


class ScaleLatents(Block):
    """Scale the latents as the denoiser expects them at this noise level."""

    scheduler: Scheduler = component(mutates=True)

    class Out(Outputs):
        scaled_latents: ScaledLatents

    def run(self, latents: Latents, t: Timestep) -> Out:
        scheduler: Any = self.scheduler
        return self.Out(scaled_latents=scheduler.scale_model_input(latents, t))


@frozen(eq=False)
class _Batch:
    """The denoiser's arguments for a set of branches, kept from step to step while nothing of it changes."""

    branches: tuple[Branch, ...]
    names: tuple[str, ...]
    conditioning: Conditioning
    kwargs: Mapping[str, Any]


class PredictNoise(Block):
    """Call the denoiser once, with every branch that the guider wants in one batch, and combine the predictions."""

    memory_advice = (
        "fewer pictures at once: a smaller num_images_per_prompt, or fewer prompts",
        "smaller pictures: height and width",
        "half precision: load_components(dtype=torch.float16)",
    )

    denoiser: Denoiser = component(doc="The network that is called once per step.")
    guider: ClassifierFreeGuidance = component(
        config={"guidance_scale": 7.5}, doc="Which predictions, and how combined."
    )

    class Out(Outputs):
        noise_pred: NoisePrediction
        guidance_memory: GuidanceMemory

    def run(
        self,
        scaled_latents: ScaledLatents,
        t: Timestep,
        i: StepIndex,
        num_inference_steps: StepCount,
        conditioning: Annotated[Conditioning, Group("denoiser_input_fields")],
        guidance_scale: GuidanceScale | None = None,
        guidance_memory: GuidanceMemory = None,
    ) -> Out:
        guider = self._active_guider(guidance_scale)
        step = GuidanceStep(i, num_inference_steps)
        branches = guider.branches(step)
        batch = self._batch(branches, conditioning)
        denoiser: Any = self.denoiser
        count = len(branches)
        model_input = repeated(scaled_latents, count)
        prediction = denoiser(model_input, t, **batch.kwargs, return_dict=False)[0]
        parts = prediction.chunk(count) if count > 1 else (prediction,)
        predictions = dict(zip(batch.names, parts, strict=True))
        noise_pred, memory = guider.combine(predictions, step, guidance_memory)
        return self.Out(noise_pred=noise_pred, guidance_memory=memory)

    def _active_guider(self, guidance_scale: float | None) -> Any:
        last: tuple[float | None, Any] = self.__dict__.get("_last_guider", (None, self.guider))
        if last[0] is not guidance_scale:
            last = self.__dict__["_last_guider"] = (guidance_scale, active_guider(self.guider, guidance_scale))
        return last[1]

    def _batch(self, branches: tuple[Branch, ...], conditioning: Conditioning) -> _Batch:
        last: _Batch | None = self.__dict__.get("_last")
        if (
            last is not None
            and (last.branches is branches or last.branches == branches)
            and last.conditioning is conditioning
        ):
            return last
        kwargs = self.family.denoiser_kwargs(conditioning, [branch.negative for branch in branches])
        batch = self.__dict__["_last"] = _Batch(
            branches, tuple(branch.name for branch in branches), conditioning, kwargs
        )
        return batch


class StepScheduler(Block):
    """Take one step of the solver, towards less noise."""

    scheduler: Scheduler = component(mutates=True)

    class Out(Outputs):
        latents: Latents

    def run(
        self,
        noise_pred: NoisePrediction,
        t: Timestep,
        latents: Latents,
        generator: Generators | None = None,
        eta: Eta = 0.0,
    ) -> Out:
        scheduler: Any = self.scheduler
        scheduler_class: Any = type(scheduler)
        accepted = step_arguments(scheduler_class)
        extra: dict[str, Any] = {"generator": generator} if "generator" in accepted else {}
        if "eta" in accepted:
            extra["eta"] = eta
        stepped = scheduler.step(noise_pred, t, latents, **extra, return_dict=False)[0]
        return self.Out(latents=stepped)


class Denoise(LoopSequentialPipelineBlocks):
    """Denoise the latents, step by step."""

    block_classes = [ScaleLatents, PredictNoise, StepScheduler]
    block_names = ["before_denoiser", "denoiser", "after_denoiser"]

    class Vars(Outputs):
        i: StepIndex
        t: Timestep

    def iterate(self, timesteps: Timesteps) -> Iterator[Vars]:
        """One turn per timestep."""
        for i, t in enumerate(timesteps):
            yield self.Vars(i=i, t=t)

    def count(self, timesteps: Timesteps) -> int:
        """As many turns as timesteps."""
        return len(timesteps)


def repeated(latents: Tensor, count: int) -> Tensor:
    """Repeat a batch once per branch."""
    if count == 1:
        return latents
    import torch

    return torch.cat([latents] * count)


@cache
def step_arguments(scheduler_class: Any) -> frozenset[str]:
    """Names of the arguments of a scheduler class's `step`."""
    return frozenset(inspect.signature(scheduler_class.step).parameters)
