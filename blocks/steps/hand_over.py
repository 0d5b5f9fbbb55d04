"""Two networks share one denoising: the first does the coarse part, the second goes on without new noise."""

from __future__ import annotations

from ...families.asked_members import LEVELS, ORDER, SET_STEPS, asks
from ...families.contract import Scheduler
from ...state import InputError, Outputs
from ...state.vocabulary import (
    AskedSchedule,
    DenoisingStart,
    HandOver,
    OwnTimesteps,
    Sigmas,
    StepCount,
    Strength,
    Timesteps,
)
from ..core.block import Block
from ..core.slots import component
from .set_timesteps import Asked, SetPartialTimesteps, SetTimesteps, begin_at, cutoff, first_after, set_schedule, until


class SetFirstTimesteps(SetTimesteps):
    """Set the scheduler, and leave the last share of the noise range to the second network."""

    class Out(SetTimesteps.Out):
        asked_schedule: AskedSchedule

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        num_inference_steps: StepCount = 50,
        timesteps: OwnTimesteps | None = None,
        sigmas: Sigmas | None = None,
        hand_over: HandOver = 0.8,
    ) -> Out:
        scheduler = self.scheduler
        set_schedule(scheduler, num_inference_steps, timesteps, sigmas, self.device)
        chosen = until(scheduler.timesteps, hand_over, scheduler)
        if not 0 < len(chosen) < len(scheduler.timesteps):
            which = "first" if len(chosen) == 0 else "second"
            raise InputError(
                f"hand_over={hand_over} of {len(scheduler.timesteps)} steps leaves none to the {which} network; use more "
                "steps, or a share nearer to the middle."
            )
        begin_at(scheduler, 0)
        return self.Out(
            timesteps=chosen,
            num_inference_steps=len(chosen),
            scheduled_steps=len(scheduler.timesteps),
            # As it was asked for: `num_inference_steps` of the state is by now the first network's share.
            asked_schedule=(num_inference_steps, timesteps, sigmas),
        )


class SetFirstPartialTimesteps(SetPartialTimesteps):
    """Set the scheduler, begin where a given image is, and leave the last share of the noise range to the second network."""

    class Out(SetPartialTimesteps.Out):
        asked_schedule: AskedSchedule

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        num_inference_steps: StepCount = 50,
        timesteps: OwnTimesteps | None = None,
        sigmas: Sigmas | None = None,
        strength: Strength | None = None,
        denoising_start: DenoisingStart | None = None,
        hand_over: HandOver = 0.8,
    ) -> Out:
        asked = Asked(num_inference_steps, timesteps, sigmas)
        whole = self.scheduled(asked, strength, denoising_start, None)
        steps = whole["timesteps"]
        chosen = until(steps, hand_over, self.scheduler)
        if not 0 < len(chosen) < len(steps):
            which = "first" if len(chosen) == 0 else "second"
            begin = (
                f"denoising_start={denoising_start}" if denoising_start is not None else f"strength={whole['strength']}"
            )
            raise InputError(
                f"hand_over={hand_over} (the timestep {cutoff(self.scheduler, hand_over)}) leaves none of the {len(steps)} steps of {begin}, "
                f"which go from {float(steps[0]):g} to {float(steps[-1]):g}, to the {which} network; use more steps, or a share that leaves it some."
            )
        own = {**whole, "timesteps": chosen, "num_inference_steps": len(chosen)}
        return self.Out(**own, asked_schedule=(num_inference_steps, timesteps, sigmas))


class SetLastTimesteps(Block):
    """Set the scheduler anew, as a solver that knows no earlier steps, where the first network stopped."""

    scheduler: Scheduler = component(mutates=True, doc="Noise schedule and solver.")

    class Out(Outputs):
        timesteps: Timesteps
        num_inference_steps: StepCount

    def run(self, asked_schedule: AskedSchedule, hand_over: HandOver = 0.8) -> Out:
        scheduler = self.scheduler
        set_schedule(scheduler, *asked_schedule, self.device)
        start = first_after(scheduler, hand_over)
        begin_at(scheduler, start)
        chosen = scheduler.timesteps[start:]
        return self.Out(timesteps=chosen, num_inference_steps=len(chosen))


asks(SetLastTimesteps, scheduler=(SET_STEPS, LEVELS, ORDER))
