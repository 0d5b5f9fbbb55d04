"""The denoising loop: scale, predict, step."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from attrs import frozen

from ..guiders import Branch, ClassifierFreeGuidance, GuidanceStep, Perturbation
from ..state import Conditioning, Group, InputError, Outputs
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
from .perturb import chosen_layers, perturbed
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
    """The denoiser's arguments for branches that run in one call."""

    branches: tuple[Branch, ...]
    names: tuple[str, ...]
    kwargs: Mapping[str, Any]


@frozen(eq=False)
class _Batches:
    """What a step calls the denoiser for."""

    branches: tuple[Branch, ...]
    conditioning: Conditioning
    batches: tuple[_Batch, ...]


_AS_IT_IS = nullcontext()


class PredictNoise(Block):
    """Call the denoiser, with all branches that need the same network in one batch, and combine the predictions.

    `batching="sequential"` calls it for one branch after another, which needs less memory and more time.
    """

    batching: Literal["batched", "sequential"] = "batched"

    memory_advice = (
        "fewer pictures at once: a smaller num_images_per_prompt, or fewer prompts",
        "smaller pictures: height and width",
        "half precision: load_components(dtype=torch.float16)",
        "one branch after another: pipe.blocks.replace('denoise.denoiser', PredictNoise.bind(SDXL)(batching='sequential'))",
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
        predictions: dict[str, Any] = {}
        for batch in self._batches(guider.branches(step), conditioning):
            predictions.update(self._predicted(batch, scaled_latents, t))
        noise_pred, memory = guider.combine(predictions, step, guidance_memory)
        return self.Out(noise_pred=noise_pred, guidance_memory=memory)

    def component_faults(self, components: Mapping[str, Any]) -> Iterable[str]:
        """Layers that the guider perturbs must be there."""
        (denoiser_name,) = next(names for name, names, _ in self._slot_names() if name == "denoiser")
        guider, denoiser = components["guider"], components[denoiser_name]
        wanted = getattr(guider, "wanted_perturbations", ())
        if not wanted or denoiser is None:
            return
        layers = self.family.layers(denoiser)
        recommended = self.family.recommended_layers(layers)
        for perturbation in wanted:
            try:
                list(chosen_layers(layers, recommended, perturbation))
            except InputError as error:
                yield f"guider: {error}"

    def _predicted(self, batch: _Batch, latents: Tensor, t: Any) -> Iterable[tuple[str, Tensor]]:
        """Call the denoiser once, for branches with the same perturbation."""
        denoiser: Any = self.denoiser
        count = len(batch.names)
        wanted = batch.branches[0].perturbations
        with self._perturbed(denoiser, wanted, latents) if wanted else _AS_IT_IS:
            prediction = self.family.predict(denoiser, repeated(latents, count), t, batch.kwargs)
        return zip(batch.names, prediction.chunk(count) if count > 1 else (prediction,), strict=True)

    def _perturbed(self, denoiser: Any, wanted: Sequence[Perturbation], latents: Tensor) -> Any:
        layers = self.family.layers(denoiser)
        recommended = self.family.recommended_layers(layers)
        return perturbed(denoiser, layers, recommended, wanted, self.family.aspect(latents))

    def _active_guider(self, guidance_scale: float | None) -> Any:
        last: tuple[float | None, Any] = self.__dict__.get("_last_guider", (None, self.guider))
        if last[0] is not guidance_scale:
            last = self.__dict__["_last_guider"] = (guidance_scale, active_guider(self.guider, guidance_scale))
        return last[1]

    def _batches(self, branches: tuple[Branch, ...], conditioning: Conditioning) -> tuple[_Batch, ...]:
        """Branches by perturbation, with what the denoiser is told, kept from step to step while nothing of it changes."""
        last: _Batches | None = self.__dict__.get("_last")
        if last is not None and last.conditioning is conditioning:
            if last.branches is branches:
                return last.batches
            if last.branches == branches:
                return last.batches
        if self.batching not in ("batched", "sequential"):
            raise InputError(f"batching is {self.batching!r}; it is 'batched' or 'sequential'.")
        groups: dict[Any, list[Branch]] = {}
        for branch in branches:
            groups.setdefault(branch.perturbations if self.batching == "batched" else branch, []).append(branch)
        batches = tuple(self._batch(tuple(group), conditioning) for group in groups.values())
        self.__dict__["_last"] = _Batches(branches, conditioning, batches)
        return batches

    def _batch(self, branches: tuple[Branch, ...], conditioning: Conditioning) -> _Batch:
        kwargs = self.family.denoiser_kwargs(conditioning, branches)
        scales = [branch.embedded_scale for branch in branches if branch.embedded_scale is not None]
        if scales:
            kwargs |= self.family.embedded_guidance(self.denoiser, scales)
        return _Batch(branches, tuple(branch.name for branch in branches), kwargs)


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
