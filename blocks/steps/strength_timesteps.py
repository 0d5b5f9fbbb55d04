"""Timesteps that the scheduler itself spreads over the part of the noise that an image begins with."""

from __future__ import annotations

import inspect

from ...families.asked_members import LEVELS, ORDER, SET_STEPS, asks
from ...state import InputError
from ...state.vocabulary import OwnTimesteps, StepCount, Strength
from .set_timesteps import SetPartialTimesteps, begin_at, set_schedule


class SetStrengthTimesteps(SetPartialTimesteps):
    """Set a scheduler of consistency models, which makes all of its steps, from the noise that the strength leaves (`LCMScheduler`)."""

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        num_inference_steps: StepCount = 50,
        timesteps: OwnTimesteps | None = None,
        strength: Strength | None = None,
    ) -> SetPartialTimesteps.Out:
        scheduler = self.scheduler
        strength = self.default_strength if strength is None else strength
        own = {"strength": strength}
        if "strength" not in inspect.signature(type(scheduler).set_timesteps).parameters:
            raise InputError(
                f"{type(scheduler).__name__} does not spread its steps over a strength; use LCMScheduler, or SetPartialTimesteps "
                "in the place of this block."
            )
        set_schedule(scheduler, num_inference_steps, timesteps, None, self.device, own)
        begin_at(scheduler, 0)
        chosen = scheduler.timesteps
        return self.Out(
            timesteps=chosen,
            num_inference_steps=len(chosen),
            scheduled_steps=len(chosen),
            latent_timestep=chosen[:1].clone(),  # a view of `timesteps` could not be kept in a cache
            strength=strength,
        )


asks(SetStrengthTimesteps, scheduler=(SET_STEPS, LEVELS, ORDER))
