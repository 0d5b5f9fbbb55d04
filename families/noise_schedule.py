"""What a scheduler says about its levels of noise, for all kinds that diffusers has."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..guiders.noise_level import PredictionType
from ..state import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from .roles import Scheduler

_PREDICTIONS: dict[str, PredictionType] = {
    "epsilon": "epsilon",
    "v_prediction": "v_prediction",
    "sample": "sample",
    "flow_prediction": "flow",
}


def prediction_type_of(scheduler: Scheduler) -> PredictionType:
    """Return what the network of a scheduler predicts.

    Raises:
        InputError: the scheduler does not say.
    """
    config = scheduler.config
    if _is_flow(scheduler):
        return "flow"
    named = config.get("prediction_type")
    if named not in _PREDICTIONS:
        raise InputError(
            f"{type(scheduler).__name__} has prediction_type={named!r}; known are {', '.join(_PREDICTIONS)}."
        )
    return _PREDICTIONS[named]


def level_of(scheduler: Scheduler, t: Tensor | float) -> tuple[float, float]:
    """Return signal and noise of what the network sees at a timestep: `signal * sample + noise * epsilon`.

    Raises:
        InputError: the scheduler does not say.
    """
    time = float(t)
    if _is_flow(scheduler):
        # Of rectified flow, the timestep is the share of noise in 1000 parts.
        noise = time / scheduler.config.num_train_timesteps
        return 1.0 - noise, noise
    kept = getattr(scheduler, "alphas_cumprod", None)
    if kept is None:
        raise InputError(
            f"{type(scheduler).__name__} has no alphas_cumprod and is no schedule of a flow, so a guider cannot be told the "
            "level of noise. Use another scheduler, or a guider without it."
        )
    low = min(max(math.floor(time), 0), len(kept) - 1)
    high = min(low + 1, len(kept) - 1)
    share = float(kept[low])
    if low not in (time, high):  # as the schedulers do it: in the logarithm of noise by signal
        ratios = [math.log((1.0 - float(kept[index])) / float(kept[index])) for index in (low, high)]
        share = 1.0 / (1.0 + math.exp(ratios[0] + (ratios[1] - ratios[0]) * (time - low)))
    return math.sqrt(share), math.sqrt(1.0 - share)


def _is_flow(scheduler: Scheduler) -> bool:
    config = scheduler.config
    # By name: flow schedulers share no base class, and most have no `prediction_type`.
    return "FlowMatch" in type(scheduler).__name__ or config.get("prediction_type") == "flow_prediction"
