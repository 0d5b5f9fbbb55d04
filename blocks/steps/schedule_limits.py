"""What schedulers accept, and cannot run: timesteps that their training knows nothing of, and more steps than there is room for."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ...families.contract import FamilyContract, Scheduler
from ...families.noise_schedule import is_flow
from ...state.errors import Fault, InputError

if TYPE_CHECKING:
    from torch import Tensor

_TRIED = 20
"""Numbers of steps that are tried, one after the other."""


def trained_timesteps(scheduler: Scheduler) -> int | None:
    """Return how many timesteps a scheduler was made with; None of one of somebody's own that does not say, and of flow matching whose
    times are told in 0..1: there the number is 1, and no count.
    """
    found: int | None = _setting(scheduler, "num_train_timesteps")
    return None if found == 1 and is_flow(scheduler) else found


def schedule_faults(given: Mapping[str, Any]) -> Iterable[str]:
    """Timesteps and sigmas exclude each other, and either descend."""
    if given.get("timesteps") is not None and given.get("sigmas") is not None:
        yield Fault("timesteps and sigmas are two ways to say one thing; give one of them.", "timesteps", "sigmas")
    for name in ("timesteps", "sigmas"):
        levels = given.get(name)
        if not isinstance(levels, list) or not all(isinstance(each, (int, float)) for each in levels):
            continue
        rising = next((pair for pair in pairwise(levels) if pair[0] <= pair[1]), None)
        if rising is not None:
            yield Fault(
                f"{name} go from {rising[0]} to {rising[1]}; noise is taken away in a run, so give the highest first, each once.",
                name,
            )


def set_quietly(scheduler: Any, *steps: int, **asked: Any) -> None:
    """Set a scheduler. Where a timestep is 0, those of flow matching divide by it and come to the right noise level, 0, with a warning of NumPy."""
    import numpy as np

    with np.errstate(divide="ignore"):
        scheduler.set_timesteps(*steps, **asked)


def step_count_faults(scheduler: Scheduler, steps: object) -> Iterator[Fault]:
    """Say that there are more steps than noise levels that the network was trained with.

    Of diffusers' schedulers (0.42.1) DDIM, DDPM, LCM, TCD and others refuse so many; others come to a timestep twice, or go between trained ones. All
    of the latter make tables of as many entries, some of a thousand times as many, so that a number with a few zeros too many takes all memory.
    """
    trained = trained_timesteps(scheduler)
    if trained is not None and isinstance(steps, int) and steps > trained:
        yield Fault(
            f"num_inference_steps is {steps}, and {type(scheduler).__name__} has num_train_timesteps={trained}. Take at most {trained} steps.",
            "num_inference_steps",
        )


def refuse_too_many_steps(scheduler: Scheduler, steps: int) -> None:
    """Raise an error where `step_count_faults` finds one.

    Raises:
        InputError: there are too many.
    """
    faults = list(step_count_faults(scheduler, steps))
    if faults:
        raise InputError.of("The schedule does not fit", faults)


def _setting(scheduler: Scheduler, name: str) -> Any:
    # One of somebody's own may have no configuration, or another kind than diffusers' dict.
    config = getattr(scheduler, "config", None)
    return config.get(name) if isinstance(config, Mapping) else getattr(config, name, None)


def range_fault(scheduler: Scheduler, timesteps: Sequence[int] | None, sigmas: Sequence[float] | None) -> str | None:
    """Say which timestep or sigma of the caller's own the scheduler has no noise for; None if it has for all.

    Sigmas of a flow are the noise's part of the latents. diffusers (0.42.1) takes those above 1, too.
    """
    trained = trained_timesteps(scheduler)
    if timesteps is not None and trained is not None and max(timesteps) > _last(scheduler, trained):
        return f"timesteps hold {max(timesteps)}; with num_train_timesteps={trained} they are in 0..{_last(scheduler, trained)}."
    if sigmas is not None and max(sigmas) <= 0:
        return f"sigmas begin at {max(sigmas)}, which is no noise: there is nothing to draw. Give some above 0."
    if sigmas is not None and is_flow(scheduler) and max(sigmas) > 1:
        return f"sigmas hold {max(sigmas)}; of a flow they are in 0..1, where 1 is noise alone."
    # Others step from 0 to 0, and change nothing. UniPC takes the logarithm of both, and the images would be NaN.
    if sigmas is not None and sigmas[-1] == 0 and _is(scheduler, "UniPCMultistepScheduler"):
        return f"sigmas end with {sigmas[-1]}, which it puts behind them by itself, and a step from 0 to 0 is no number in it. Leave the last one out."
    return None


def _is(scheduler: Scheduler, name: str) -> bool:
    # By name: to import diffusers' class only to compare with it takes time.
    return name in (cls.__name__ for cls in type(scheduler).__mro__)


def in_form_of(scheduler: Scheduler, sigmas: Sequence[float] | None) -> Any:
    """Return sigmas as a scheduler takes them: two of diffusers (0.42.1) fail with a list, where others take nothing else."""
    if sigmas is None:
        return None
    import numpy as np
    import torch

    forms: dict[str, Callable[[Sequence[float]], Any]] = {
        "UniPCMultistepScheduler": np.asarray,
        "EDMEulerScheduler": torch.tensor,
    }
    return next((forms[cls.__name__](sigmas) for cls in type(scheduler).__mro__ if cls.__name__ in forms), sigmas)


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


def schedule_fault(scheduler: Scheduler, steps: int | None, sigmas: Sequence[float] | None = None) -> str | None:
    """Say why the timesteps that a scheduler has chosen cannot be run; None if they can.

    Args:
        steps: None where they are made of noise levels. sigmas: of the caller's own.
    """
    timesteps: Tensor = scheduler.timesteps
    trained, asked = trained_timesteps(scheduler), f"num_inference_steps={steps}"
    spacing = _setting(scheduler, "timestep_spacing")
    if sigmas is not None and len(timesteps) == 0:
        return f"sigmas={sigmas} are no step, as the last sigma is that of the image; give two or more."
    # Those without a spacing count in other ways, such as the logarithm of a noise level.
    if steps is None or trained is None or spacing is None or len(timesteps) == 0:
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


def skipped_steps(steps: int, strength: float, family: FamilyContract) -> int:
    """Return how many steps a share of them leaves out at the beginning, by diffusers' `get_timesteps`, of which there are two."""
    if family.truncates_start:
        return int(max(steps - min(steps * strength, steps), 0))
    return steps - min(int(steps * strength), steps)


def leaves_none(steps: object, strength: object, family: FamilyContract) -> bool:
    """Return whether a share of the steps is none; False for what is wrong by itself."""
    if not isinstance(steps, int) or not isinstance(strength, (int, float)):
        return False
    return steps >= 1 and 0 <= strength <= 1 and skipped_steps(steps, strength, family) >= steps
