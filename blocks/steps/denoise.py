"""The denoising loop: scale, predict, step."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define

from ...engine.device_copies import queued_copies
from ...families.asked_members import SCALE_INPUT, STEP, asks
from ...families.contract import Scheduler
from ...families.noise_schedule import scales_input
from ...state import CompositionError, Outputs, RunError
from ...state.vocabulary import (
    Eta,
    Generators,
    HostTimestep,
    Latents,
    NoisePrediction,
    ScaledLatents,
    StepIndex,
    Timestep,
    Timesteps,
)
from ..core.block import Block
from ..core.choice import ConditionalPipelineBlocks
from ..core.loop import LoopSequentialPipelineBlocks
from ..core.slots import component
from .denoiser_call import DenoiserInput
from .predict_noise import PredictNoise

if TYPE_CHECKING:
    from torch import Tensor


@define(eq=False)
class ScaleMemo:
    """What holds from step to step: whether the scheduler scales at all; None before that is known."""

    scales: bool | None = None


class ScaleLatents(Block):
    """Scale the latents as the denoiser expects them at this noise level."""

    scheduler: Scheduler = component(mutates=True)

    Memo: ClassVar[type[ScaleMemo]] = ScaleMemo
    if TYPE_CHECKING:
        memo: ScaleMemo

    class Out(Outputs):
        scaled_latents: ScaledLatents

    def run(self, latents: Latents, t: Timestep) -> Out:
        scheduler: Any = self.scheduler
        refuse_used_up(scheduler)
        if self.memo.scales is None:
            self.memo.scales = scales_input(scheduler)
        return self.Out(scaled_latents=scheduler.scale_model_input(latents, t) if self.memo.scales else latents)


@define(eq=False)
class _Told:
    """Whether it was said in this run that the solver reads no `eta`."""

    of_eta: bool = False


class StepScheduler(Block):
    """Take one step of the solver, towards less noise."""

    scheduler: Scheduler = component(mutates=True)

    class Out(Outputs):
        latents: Latents

    Memo: ClassVar[type[_Told]] = _Told
    if TYPE_CHECKING:
        memo: _Told

    def run(
        self,
        noise_pred: NoisePrediction,
        t: Timestep,
        latents: Latents,
        generator: Generators | None = None,
        eta: Eta = 0.0,
        host_t: HostTimestep | None = None,
    ) -> Out:
        return self.Out(latents=self.stepped(noise_pred, t, latents, generator, eta, host_t))

    def stepped(
        self,
        noise_pred: Tensor,
        t: Tensor,
        latents: Tensor,
        generator: Generators | None,
        eta: float,
        host_t: Tensor | None,
        **more: Any,
    ) -> Tensor:
        """Return the latents of the next step; of `more` arguments the solver is given those that it takes."""
        scheduler: Any = self.scheduler
        refuse_used_up(scheduler)
        if host_t is not None:
            t = host_t
            keep_on_host(scheduler)
        scheduler_class: Any = type(scheduler)
        accepted = step_arguments(scheduler_class)
        given = {"generator": generator, **more}
        extra: dict[str, Any] = {name: value for name, value in given.items() if name in accepted}
        if "eta" in accepted:
            extra["eta"] = eta
        elif eta and not self.memo.of_eta:
            self.memo.of_eta = True
            self.warn(
                f"eta is {eta}, and {scheduler_class.__name__} reads none, so it changes nothing: leave it out, or take DDIMScheduler, which "
                "adds so much noise in each step"
            )
        with queued_copies(latents.device):
            stepped: Tensor = scheduler.step(noise_pred, t, latents, **extra, return_dict=False)[0]
        return stepped


asks(ScaleLatents, scheduler=(SCALE_INPUT,))
asks(StepScheduler, scheduler=(STEP,))


class Denoise(LoopSequentialPipelineBlocks):
    """Denoise the latents, step by step."""

    block_classes = [ScaleLatents, PredictNoise, StepScheduler]
    block_names = ["before_denoiser", "denoiser", "after_denoiser"]

    class Vars(Outputs):
        i: StepIndex
        t: Timestep
        host_t: HostTimestep

    def iterate(self, timesteps: Timesteps) -> Iterator[Vars]:
        """One iteration per timestep, which is copied from the device once for all of them."""
        for i, (t, host_t) in enumerate(zip(timesteps, timesteps.cpu(), strict=True)):
            yield self.Vars(i=i, t=t, host_t=host_t)

    def count(self, timesteps: Timesteps) -> int:
        """As many iterations as timesteps."""
        return len(timesteps)


def with_denoiser_input(loop: Any, part: type[DenoiserInput]) -> Any:
    """Return a denoising loop, of its class or of an instance, whose prediction is also told what `part` adds.

    Raises:
        CompositionError: no block in the loop predicts.
    """
    made = loop() if isinstance(loop, type) else copy.deepcopy(loop)
    found = {name: block for name, block in made.sub_blocks.items() if isinstance(block, PredictNoise)}
    if not found:
        kind = type(made).__name__
        if isinstance(made, ConditionalPipelineBlocks):
            raise CompositionError(
                f"'denoise' is {kind}, a choice between {', '.join(map(repr, made.sub_blocks))}, and {part.__name__} is added to the loop of "
                "one task. Add it to the blocks of a task, such as TEXT2IMAGE_BLOCKS or IMAGE2IMAGE_BLOCKS; AUTO_BLOCKS themselves are "
                "steered by ControlNets where control_image is given."
            )
        raise CompositionError(
            f"'denoise' is {kind}, which has no PredictNoise among its blocks, and {part.__name__} belongs to that. Give the blocks of a "
            "task, such as TEXT2IMAGE_BLOCKS, with its loop as 'denoise'."
        )
    for name, block in found.items():
        made.sub_blocks[name] = type(block).plus(part)(**block.options)
    return made


def refuse_used_up(scheduler: Any) -> None:
    """Refuse a scheduler that has taken all of its steps; those that count none look at the timestep alone.

    Raises:
        RunError: it must be set anew.
    """
    taken = getattr(scheduler, "step_index", None)
    if taken is None:
        return
    # Of tensors, `len` is a function in Python, and this is asked twice a step.
    table = scheduler.timesteps
    if taken >= (table.shape[0] if hasattr(table, "shape") else len(table)):
        raise RunError(
            f"{type(scheduler).__name__} has taken all of its {len(scheduler.timesteps)} steps, and must be set anew before another. A second "
            "denoising needs a block that sets timesteps before its loop: put both into a Scope, which keeps their values apart."
        )


def keep_on_host(scheduler: Any) -> None:
    """Have the tables of a solver on the host, where it decides by their numbers: each such look at a device waits for all that is queued."""
    held = vars(scheduler) if hasattr(scheduler, "timesteps") else {}
    for name in ("timesteps", "sigmas"):
        table: Any = held.get(name)
        # Asked at every step, so the cheap question: True of tensors of the host, absent of what is no tensor.
        if not getattr(table, "is_cpu", True):
            setattr(scheduler, name, table.cpu())


@cache
def step_arguments(scheduler_class: Any) -> frozenset[str]:
    """Names of the arguments of a scheduler class's `step`."""
    return frozenset(inspect.signature(scheduler_class.step).parameters)
