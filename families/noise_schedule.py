"""Where diffusers' kinds of schedulers differ: what they say about levels of noise, and how noise is put on latents.

Schedulers of flow matching have no `init_noise_sigma` and no `scale_model_input`, and put noise on a sample by
`scale_noise(sample, timestep, noise)`; the others by `add_noise(sample, noise, timestep)`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ..engine.device_copies import queued_copies
from ..guiders.noise_level import PredictionType
from ..state import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from .roles import Scheduler

_PREDICTIONS: dict[str, PredictionType] = {
    "epsilon": "epsilon",
    "v_prediction": "v_prediction",
    "sample": "sample",
    # What "sample" was called first; EulerDiscreteScheduler takes both.
    "original_sample": "sample",
    "flow_prediction": "flow",
    # On a circle the flow is the velocity.
    "trigflow": "v_prediction",
}
PREDICTION_TYPES = tuple(_PREDICTIONS)
"""What the configuration of a scheduler may say that its network predicts."""


def prediction_type_of(scheduler: Scheduler) -> PredictionType:
    """Return what the network of a scheduler predicts.

    Raises:
        InputError: the scheduler does not say.
    """
    config = scheduler.config
    if is_flow(scheduler):
        return "flow_to_sample" if config.get("invert_sigmas") else "flow"
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
    if is_trigonometric(scheduler):
        return math.cos(time), math.sin(time)
    if is_flow(scheduler):
        # Of rectified flow, the timestep is the share of noise in 1000 parts.
        share = time / scheduler.config.num_train_timesteps
        return (share, 1.0 - share) if scheduler.config.get("invert_sigmas") else (1.0 - share, share)
    if is_preconditioned(scheduler):
        return _preconditioned_level(scheduler, time)
    kept = getattr(scheduler, "alphas_cumprod", None)
    if kept is None:
        raise InputError(
            f"{type(scheduler).__name__} has no alphas_cumprod and is no schedule of a flow, so a guider cannot be told the "
            "level of noise. Use another scheduler, or a guider without it."
        )
    kept = _host_table(scheduler, kept)
    low = min(max(math.floor(time), 0), len(kept) - 1)
    high = min(low + 1, len(kept) - 1)
    share = float(kept[low])
    if low not in (time, high):  # as the schedulers do it: in the logarithm of noise by signal
        ratios = [math.log((1.0 - float(kept[index])) / float(kept[index])) for index in (low, high)]
        share = 1.0 / (1.0 + math.exp(ratios[0] + (ratios[1] - ratios[0]) * (time - low)))
    return math.sqrt(share), math.sqrt(1.0 - share)


_host_tables: WeakKeyDictionary[Any, tuple[Tensor, Tensor]] = WeakKeyDictionary()
"""Tables that schedulers have moved to a device (`add_noise` does), and their copies on the host."""


def _host_table(scheduler: Scheduler, table: Tensor) -> Tensor:
    """Return a table of a scheduler on the host, copied once."""
    if table.device.type == "cpu":
        return table
    known = _host_tables.get(scheduler)
    if known is None or known[0] is not table:
        known = _host_tables[scheduler] = (table, table.cpu())
    return known[1]


def is_flow(scheduler: Scheduler) -> bool:
    """Return whether a scheduler denoises by flow matching."""
    # By name: flow schedulers share no base class, and most have no `prediction_type`.
    return "FlowMatch" in type(scheduler).__name__ or _predicts(scheduler, "flow_prediction")


def is_trigonometric(scheduler: Scheduler) -> bool:
    """Return whether a scheduler goes from image to noise on a circle, `cos(t) x + sin(t) z` (TrigFlow: Lu and Song 2024, 2410.11081)."""
    return _predicts(scheduler, "trigflow")


def is_preconditioned(scheduler: Scheduler) -> bool:
    """Return whether a scheduler makes of a network's velocity a sample by the numbers of EDM (Karras et al. 2022, 2206.00364, table 1)."""
    return hasattr(scheduler, "precondition_noise") and _predicts(scheduler, "v_prediction")


def _preconditioned_level(scheduler: Scheduler, time: float) -> tuple[float, float]:
    """Return signal and noise of what the network sees, in which the samples have a deviation of 1; the timestep stands for one of noise."""
    # By name: only the one on a cosine counts otherwise than the paper.
    is_cosine = type(scheduler).__name__.startswith("Cosine")
    noise = math.tan(time * math.pi / 2) if is_cosine else math.exp(4.0 * time)
    whole = math.hypot(noise, scheduler.config.sigma_data)
    return scheduler.config.sigma_data / whole, noise / whole


def _predicts(scheduler: Scheduler, kind: str) -> bool:
    # One of somebody's own may have no configuration.
    config = getattr(scheduler, "config", None)
    return isinstance(config, Mapping) and config.get("prediction_type") == kind


def loop_timesteps(scheduler: Scheduler) -> Tensor:
    """Return the timesteps at which the denoiser is called: those of a circle end with that of the image, at which it is not."""
    return scheduler.timesteps[:-1] if is_trigonometric(scheduler) else scheduler.timesteps


def steps_of(scheduler: Scheduler) -> int:
    """Return how many steps a schedule has: fewer than the noise levels of the caller's own, where the last of these is the end."""
    return -(-len(loop_timesteps(scheduler)) // scheduler.order)


def first_scale(scheduler: Scheduler) -> Tensor | float:
    """Return the standard deviation of the noise that denoising begins from."""
    if is_trigonometric(scheduler):
        deviation: float = scheduler.config.sigma_data
        return deviation
    return getattr(scheduler, "init_noise_sigma", 1.0)


def scales_input(scheduler: Scheduler) -> bool:
    """Return whether a scheduler scales what the network is given. To ask one that does not takes as long as an operation of torch."""
    return hasattr(scheduler, "scale_model_input")


def scaled_input(scheduler: Scheduler, latents: Tensor, t: Tensor | float) -> Tensor:
    """Return latents `[b c ...]` as the network expects them at a timestep."""
    return scheduler.scale_model_input(latents, t) if scales_input(scheduler) else latents


def with_noise(scheduler: Scheduler, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
    """Return latents `[b c ...]` with the noise of timesteps, `[b]` or `[1]`."""
    if is_trigonometric(scheduler):
        return _on_circle(latents, noise * first_scale(scheduler), timesteps)
    scale_noise = getattr(scheduler, "scale_noise", None)
    with queued_copies(latents.device):
        noised: Tensor = (
            scheduler.add_noise(latents, noise, timesteps)
            if scale_noise is None
            else scale_noise(latents, timesteps, noise)
        )
    return noised


def _on_circle(latents: Tensor, noise: Tensor, angles: Tensor) -> Tensor:
    at = angles.to(latents.device).reshape(-1, *[1] * (latents.ndim - 1))
    mixed: Tensor = at.cos() * latents + at.sin() * noise
    return mixed


def reads_variance(scheduler: Scheduler) -> bool:
    """Return whether a solver takes the variance from the network."""
    return scheduler.config.get("variance_type") in ("learned", "learned_range")
