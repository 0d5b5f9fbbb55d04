"""Choose the timesteps of the denoising loop."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...families.asked_members import LEVELS, ORDER, SET_STEPS, asks
from ...families.contract import Autoencoder, Denoiser, FamilyContract, Scheduler
from ...families.noise_schedule import loop_timesteps, steps_of
from ...state import Fault, InputError, Outputs
from ...state.vocabulary import (
    DenoisingEnd,
    DenoisingStart,
    Height,
    LatentTimestep,
    OwnTimesteps,
    ScheduledSteps,
    Sigmas,
    StepCount,
    Strength,
    Timesteps,
    Width,
)
from ..core.block import Block
from ..core.slots import component
from .schedule_limits import (
    in_form_of,
    least_steps,
    leaves_none,
    range_fault,
    refuse_too_many_steps,
    schedule_fault,
    schedule_faults,
    set_quietly,
    skipped_steps,
    step_count_faults,
    trained_timesteps,
)

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@frozen(eq=False)
class Asked:
    """What a call asks of the schedule: a number of steps, or timesteps or sigmas of its own."""

    num_inference_steps: int
    timesteps: Sequence[int] | None
    sigmas: Sequence[float] | None

    @property
    def values(self) -> tuple[int, Sequence[int] | None, Sequence[float] | None]:
        """The three."""
        return self.num_inference_steps, self.timesteps, self.sigmas

    def of_family(self, family: FamilyContract, scheduler: Scheduler, shape: tuple[int, ...] | None) -> dict[str, Any]:
        """Return what a family asks of the schedule; as many timesteps as there are levels of the caller's own, where it says both."""
        if self.is_number:
            # Before a family makes a list of so many.
            refuse_too_many_steps(scheduler, self.num_inference_steps)
        said = family.schedule(scheduler, self.num_inference_steps, shape)
        own = self.sigmas if self.timesteps is None else self.timesteps
        fits = own is None or len(own) == len(said.get("timesteps", own))
        return said if fits else family.schedule(scheduler, len(own or ()), shape)

    @property
    def is_number(self) -> bool:
        """True if it is the number of steps alone."""
        return self.timesteps is None and self.sigmas is None


class SetTimesteps(Block):
    """Set the scheduler to a number of steps, or to timesteps or sigmas of the caller's own."""

    scheduler: Scheduler = component(mutates=True, doc="Noise schedule and solver.")

    class Out(Outputs):
        timesteps: Timesteps
        num_inference_steps: StepCount
        scheduled_steps: ScheduledSteps

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Timesteps and sigmas exclude each other."""
        yield from schedule_faults(given)

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say that the scheduler does not take so many steps, or timesteps or sigmas of the caller's own."""
        yield from super().misfits(given)
        yield from own_schedule_faults(self, given)

    def run(
        self,
        num_inference_steps: StepCount = 50,
        timesteps: OwnTimesteps | None = None,
        sigmas: Sigmas | None = None,
        denoising_end: DenoisingEnd | None = None,
    ) -> Out:
        return self.scheduled(Asked(num_inference_steps, timesteps, sigmas), denoising_end)

    def scheduled(self, asked: Asked, denoising_end: float | None, shape: tuple[int, ...] | None = None) -> Out:
        """Set the scheduler.

        Args:
            shape: of the latents, of families whose schedule reads it.
        """
        scheduler = self.scheduler
        set_schedule(scheduler, *asked.values, self.device, asked.of_family(self.family, scheduler, shape))
        timesteps = loop_timesteps(scheduler)
        chosen = until(timesteps, denoising_end, scheduler)
        if len(chosen) == 0:
            # The images would be the noise that they begin from.
            raise InputError(
                f"No timestep is left before denoising_end={denoising_end}; use more steps, or a later end."
            )
        begin_at(scheduler, 0)
        return self.Out(timesteps=chosen, num_inference_steps=len(chosen), scheduled_steps=len(timesteps))


class SetPartialTimesteps(Block):
    """Set the scheduler, and begin where a given image already has the shape that the noise would leave."""

    default_strength: float = 0.3

    scheduler: Scheduler = component(mutates=True, doc="Noise schedule and solver.")

    class Out(Outputs):
        timesteps: Timesteps
        num_inference_steps: StepCount
        scheduled_steps: ScheduledSteps
        latent_timestep: LatentTimestep
        strength: Strength

    def effective_defaults(self) -> Mapping[str, Any]:
        """Its own strength, where the declaration names none."""
        defaults = {parameter.name: parameter.default for parameter in self.declaration.parameters}
        return {"strength": self.default_strength} if defaults.get("strength", 0) is None else {}

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """At least one step must be left."""
        yield from schedule_faults(given)
        start, end = given.get("denoising_start"), given.get("denoising_end")
        if isinstance(start, float) and isinstance(end, float) and start >= end:
            text = f"denoising_start is {start} and denoising_end {end}; it begins before it ends."
            yield Fault(text, "denoising_start", "denoising_end")
        own = given.get("timesteps") or given.get("sigmas")
        defaults = {parameter.name: parameter.default for parameter in self.declaration.parameters}
        steps = len(own) if own is not None else given.get("num_inference_steps", defaults["num_inference_steps"])
        strength = given.get("strength", defaults["strength"])
        strength = self.default_strength if strength is None else strength
        if start is None and leaves_none(steps, strength, self.family):
            # Rounded up: a third of three steps, written as 0.333, is none.
            least = math.ceil(1000 / steps) / 1000
            text = f"strength {strength} of {steps} steps leaves none; give {least:g} or more, or more steps."
            yield Fault(text, "strength", "num_inference_steps")

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say that the scheduler does not take so many steps, or timesteps or sigmas of the caller's own."""
        yield from super().misfits(given)
        yield from own_schedule_faults(self, given)

    def run(
        self,
        num_inference_steps: StepCount = 50,
        timesteps: OwnTimesteps | None = None,
        sigmas: Sigmas | None = None,
        strength: Strength | None = None,
        denoising_start: DenoisingStart | None = None,
        denoising_end: DenoisingEnd | None = None,
    ) -> Out:
        asked = Asked(num_inference_steps, timesteps, sigmas)
        return self.Out(**self.scheduled(asked, strength, denoising_start, denoising_end))

    def scheduled(
        self,
        asked: Asked,
        strength: float | None,
        denoising_start: float | None,
        denoising_end: float | None,
        shape: tuple[int, ...] | None = None,
    ) -> dict[str, Any]:
        """Set the scheduler, and return what the block writes; `shape` is that of the latents, of families whose schedule reads it."""
        scheduler = self.scheduler
        strength = self.default_strength if strength is None else strength
        own = asked.of_family(self.family, scheduler, shape)
        set_schedule(scheduler, *asked.values, self.device, own)
        if denoising_start is None:
            steps = asked.num_inference_steps if asked.is_number else steps_of(scheduler)
            skipped = skipped_steps(steps, strength, self.family)
            if skipped >= steps:
                raise InputError(f"strength {strength} of {steps} steps leaves none; give {1 / steps:.3g} or more.")
            # Two timesteps for each step of a second-order solver.
            start = skipped * scheduler.order
        else:
            start = first_after(scheduler, denoising_start)
        begin_at(scheduler, start)
        timesteps = loop_timesteps(scheduler)
        chosen = until(timesteps[start:], denoising_end, scheduler)
        if len(chosen) == 0:
            raise InputError("No timestep is left between denoising_start and denoising_end; use more steps.")
        return {
            "timesteps": chosen,
            "num_inference_steps": len(chosen),
            "scheduled_steps": len(timesteps) - start,
            # Of its own memory: a result with two views of one is kept by no cache.
            "latent_timestep": chosen[:1].clone(),
            "strength": strength,
        }


asks(SetTimesteps, scheduler=(SET_STEPS, LEVELS))
asks(SetPartialTimesteps, scheduler=(SET_STEPS, LEVELS, ORDER))


class SetInpaintTimesteps(SetPartialTimesteps):
    """Set the scheduler for drawing nearly all of the masked area anew."""

    # Not 1, at which the image would not be read at all; the default of diffusers' inpainting pipelines.
    default_strength: float = 0.9999


class SetSizedTimesteps(SetTimesteps):
    """Set the scheduler as the size of the latents asks for: larger images need more noise (Esser et al. 2024, 2403.03206, section 5.3.2)."""

    denoiser: Denoiser = component(config_only=True)
    vae: Autoencoder = component(config_only=True)

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        height: Height,
        width: Width,
        num_inference_steps: StepCount = 50,
        timesteps: OwnTimesteps | None = None,
        sigmas: Sigmas | None = None,
        denoising_end: DenoisingEnd | None = None,
    ) -> SetTimesteps.Out:
        shape = self.family.latent_shape(self.denoiser, self.vae, 1, height, width)
        return self.scheduled(Asked(num_inference_steps, timesteps, sigmas), denoising_end, shape)


class SetSizedPartialTimesteps(SetPartialTimesteps):
    """Set the scheduler as the size of the latents asks for, and begin where the image has the shape that the noise would leave."""

    denoiser: Denoiser = component(config_only=True)
    vae: Autoencoder = component(config_only=True)

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        height: Height,
        width: Width,
        num_inference_steps: StepCount = 50,
        timesteps: OwnTimesteps | None = None,
        sigmas: Sigmas | None = None,
        strength: Strength | None = None,
        denoising_start: DenoisingStart | None = None,
        denoising_end: DenoisingEnd | None = None,
    ) -> SetPartialTimesteps.Out:
        shape = self.family.latent_shape(self.denoiser, self.vae, 1, height, width)
        asked = Asked(num_inference_steps, timesteps, sigmas)
        return self.Out(**self.scheduled(asked, strength, denoising_start, denoising_end, shape))


class SetSizedInpaintTimesteps(SetSizedPartialTimesteps):
    """Set the scheduler as the size of the latents asks for, for drawing nearly all of the masked area anew."""

    default_strength: float = 0.9999


def own_schedule_faults(block: SetTimesteps | SetPartialTimesteps, given: Mapping[str, Any]) -> Iterable[str]:
    """Yield why the scheduler of a block cannot be set to so many steps, or to timesteps or sigmas of the caller's own, found by setting a copy of it.

    Args:
        block: bound to the components of a run.
    """
    own = [name for name in ("timesteps", "sigmas") if given.get(name) is not None]
    if not own:
        yield from step_count_faults(block.scheduler, given.get("num_inference_steps"))
        return
    steps, shape = given.get("num_inference_steps") or len(given[own[0]]), None
    if isinstance(block, (SetSizedTimesteps, SetSizedPartialTimesteps)):
        # Of any size: it shifts the levels, and which of them are taken does not hang on it.
        side = block.family.default_size(block.denoiser, block.vae)
        shape = block.family.latent_shape(block.denoiser, block.vae, 1, side, side)
    of_family = block.family.schedule(block.scheduler, steps, shape)
    scheduler = copy.deepcopy(block.scheduler)
    try:
        set_schedule(scheduler, steps, given.get("timesteps"), given.get("sigmas"), "cpu", of_family)
    except InputError as error:
        yield Fault(str(error), *own)


def set_schedule(
    scheduler: Scheduler,
    steps: int,
    timesteps: Sequence[int] | None,
    sigmas: Sequence[float] | None,
    device: torch.device | str,
    of_family: Mapping[str, Any] | None = None,
) -> None:
    """Set a scheduler to a number of steps, or to timesteps or sigmas of the caller's own.

    Args:
        of_family: what the family asks for besides; the caller's own timesteps or sigmas count before its sigmas. Its timesteps, where it has both,
            are what the network is told.

    Raises:
        InputError: both are given, or the scheduler does not take them.
    """
    faults = list(schedule_faults({"timesteps": timesteps, "sigmas": sigmas}))
    if faults:
        raise InputError.of("The schedule does not fit", faults[:1])
    both = {"timesteps": timesteps, "sigmas": in_form_of(scheduler, sigmas)}
    own: dict[str, Any] = {name: each for name, each in both.items() if each is not None}
    if not own:
        refuse_too_many_steps(scheduler, steps)
    rest = dict(of_family or {})
    chosen: dict[str, Any] = {name: rest.pop(name) for name in ("sigmas", "timesteps") if name in rest}
    if not own:
        rest |= chosen
    elif "sigmas" in own and "timesteps" in chosen:
        # What the network is told of the caller's noise levels, where that is not what these are shifted to.
        rest["timesteps"] = chosen["timesteps"]
    # diffusers' schedulers differ in what they take, and one that takes `**kwargs` would ignore it silently.
    taken = inspect.signature(type(scheduler).set_timesteps).parameters
    for name in own:
        if name not in taken:
            raise InputError(f"{type(scheduler).__name__} takes no {name} of your own; choose another scheduler.")
    for name in rest:
        if name not in taken:
            raise InputError(
                f"{type(scheduler).__name__} takes no {name}, by which the family sets the schedule; choose another scheduler, such as "
                "FlowMatchEulerDiscreteScheduler."
            )
    fault = range_fault(scheduler, timesteps, sigmas)
    if fault is None:
        # The number by position: a scheduler of somebody's own may call it by another name.
        steps_alone = () if own or "sigmas" in rest else (steps,)
        try:
            set_quietly(scheduler, *steps_alone, **{**own, **rest, "device": device})
        # A solver of diffusers (0.42.1) with sigmas of a flow computes with the number of steps, which nobody gives beside timesteps.
        except (ValueError, IndexError, TypeError) as error:
            least = least_steps(scheduler, steps) if steps_alone and "broadcast" in str(error) else None
            if least is not None:
                raise InputError(
                    f"{type(scheduler).__name__} takes {least} steps or more, and num_inference_steps is {steps}."
                ) from error
            said = next(iter(own), f"num_inference_steps={steps}")
            raise InputError(
                f"{type(scheduler).__name__} with num_train_timesteps={trained_timesteps(scheduler)} cannot be set to {said}: {error}"
            ) from error
        fault = schedule_fault(scheduler, None if own or "sigmas" in rest else steps, sigmas)
    if fault is not None:
        raise InputError(f"{type(scheduler).__name__}: {fault}")


def begin_at(scheduler: Scheduler, index: int) -> None:
    """Tell a scheduler its first index: else solvers search it, and find the wrong one where timesteps repeat."""
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(index)


def until(timesteps: Tensor, denoising_end: float | None, scheduler: Scheduler) -> Any:
    """Cut timesteps where a share of the noise range is left, for another model to go on from there."""
    if denoising_end is None:
        return timesteps
    return timesteps[: int((timesteps >= cutoff(scheduler, denoising_end)).sum())]


def first_after(scheduler: Scheduler, denoising_start: float) -> int:
    """Return index of the first timestep after a share of the noise range."""
    timesteps = scheduler.timesteps
    count = int((timesteps < cutoff(scheduler, denoising_start)).sum())
    if scheduler.order == 2 and count % 2 == 0:
        # Each timestep but the first stands twice; beginning between the two would lose the second derivative.
        count += 1
    return len(timesteps) - count


def cutoff(scheduler: Scheduler, share: float) -> int:
    """Return the timestep at a share of the noise range."""
    train_timesteps: int = scheduler.config.num_train_timesteps
    return round(train_timesteps - share * train_timesteps)
