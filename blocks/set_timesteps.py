"""Choose the timesteps of the denoising loop."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from ..state import InputError, Outputs
from ..state.vocabulary import DenoisingEnd, OwnTimesteps, Sigmas, StepCount, Timesteps
from .block import Block
from .contract import Scheduler
from .slots import component


class SetTimesteps(Block):
    """Set the scheduler to a number of steps, or to timesteps or sigmas of the caller's own."""

    scheduler: Scheduler = component(mutates=True, doc="Noise schedule and solver.")

    class Out(Outputs):
        timesteps: Timesteps
        num_inference_steps: StepCount

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Timesteps and sigmas exclude each other."""
        if given.get("timesteps") is not None and given.get("sigmas") is not None:
            yield "timesteps and sigmas are two ways to say one thing; give one of them."

    def run(
        self,
        num_inference_steps: StepCount = 50,
        timesteps: OwnTimesteps | None = None,
        sigmas: Sigmas | None = None,
        denoising_end: DenoisingEnd | None = None,
    ) -> Out:
        scheduler: Any = self.scheduler
        faults = list(self.input_faults({"timesteps": timesteps, "sigmas": sigmas}))
        if faults:
            raise InputError.of("The inputs do not fit", faults)
        own = {"timesteps": timesteps} if timesteps is not None else {"sigmas": sigmas}
        if timesteps is None and sigmas is None:
            scheduler.set_timesteps(num_inference_steps, device=self.device)
        else:
            refuse_unknown(scheduler, own)
            scheduler.set_timesteps(**own, device=self.device)
        chosen = scheduler.timesteps
        if denoising_end is not None:
            chosen = until(chosen, denoising_end, scheduler.config.num_train_timesteps)
        if hasattr(scheduler, "set_begin_index"):
            # Without it solvers search their first timestep, and find the wrong one where timesteps repeat.
            scheduler.set_begin_index(0)
        return self.Out(timesteps=chosen, num_inference_steps=len(chosen))


def refuse_unknown(scheduler: Any, own: dict[str, Any]) -> None:
    """Raise InputError if a scheduler does not take timesteps, or sigmas, of the caller's own."""
    known = inspect.signature(type(scheduler).set_timesteps).parameters
    for name in own:
        if name not in known:
            raise InputError(f"{type(scheduler).__name__} takes no {name} of your own; choose another scheduler.")


def until(timesteps: Any, denoising_end: float, train_timesteps: int) -> Any:
    """Cut timesteps where a share of the noise range is left, for another model to go on from there."""
    cutoff = round(train_timesteps - denoising_end * train_timesteps)
    return timesteps[: int((timesteps >= cutoff).sum())]
