"""What schedulers accept, and cannot run: timesteps that their training knows nothing of, and more steps than there is room for."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...families.contract import Scheduler

if TYPE_CHECKING:
    from torch import Tensor

_TRIED = 20
"""Numbers of steps that are tried, one after the other."""


def trained_timesteps(scheduler: Scheduler) -> int | None:
    """Return how many timesteps a scheduler was made with; None of one of somebody's own that does not say."""
    found: int | None = _setting(scheduler, "num_train_timesteps")
    return found


def _setting(scheduler: Scheduler, name: str) -> Any:
    # One of somebody's own may have no configuration, or another kind than diffusers' dict.
    config = getattr(scheduler, "config", None)
    return config.get(name) if isinstance(config, Mapping) else getattr(config, name, None)


def range_fault(scheduler: Scheduler, timesteps: Sequence[int]) -> str | None:
    """Say which timestep of the caller's own the scheduler was not trained with; None if it knows all of them."""
    trained = trained_timesteps(scheduler)
    if trained is None or max(timesteps) <= _last(scheduler, trained):
        return None
    return f"timesteps hold {max(timesteps)}; with num_train_timesteps={trained} they are in 0..{_last(scheduler, trained)}."


def least_steps(scheduler: Any, steps: int) -> int | None:
    """Return the smallest number of steps above one that a scheduler takes; None where it is far.

    diffusers' PNDMScheduler (0.42.1) puts steps of Runge and Kutta's method at the beginning, and says of fewer that arrays cannot be broadcast.
    """
    for more in range(steps + 1, steps + _TRIED):
        try:
            copy.deepcopy(scheduler).set_timesteps(more)
        except (ValueError, IndexError):
            continue
        return more
    return None


def schedule_fault(scheduler: Scheduler, steps: int) -> str | None:
    """Say why the timesteps that a scheduler has chosen cannot be run; None if they can."""
    timesteps: Tensor = scheduler.timesteps
    trained, asked = trained_timesteps(scheduler), f"num_inference_steps={steps}"
    spacing = _setting(scheduler, "timestep_spacing")
    # Those without a spacing count in other ways, such as the logarithm of a noise level.
    if trained is None or spacing is None or len(timesteps) == 0:
        return None
    timesteps = timesteps.cpu()  # once, as each number that is read from a device waits for it
    first = float(timesteps.max())
    if steps > 1 and first == float(timesteps.min()):
        return (
            f"{asked} all have the timestep {first:g}: timestep_spacing={spacing!r} has no room for so many in "
            f"num_train_timesteps={trained}. Take at most {trained - 1} steps, or timestep_spacing='linspace'."
        )
    if first > _last(scheduler, trained):
        return (
            f"{asked} begin at the timestep {first:g}, and the last of num_train_timesteps={trained} is {trained - 1}: "
            f"timestep_spacing={spacing!r} adds steps_offset={_setting(scheduler, 'steps_offset')}. Take at most {trained - 1} steps, or "
            "another timestep_spacing."
        )
    return None


def _last(scheduler: Scheduler, trained: int) -> int:
    """Return the highest timestep that a scheduler can look up.

    Those that keep sigmas look between timesteps, and take the last for what is past it; in flows it is pure noise. The others read
    a table at the timestep itself.
    """
    return trained if getattr(scheduler, "sigmas", None) is not None else trained - 1
