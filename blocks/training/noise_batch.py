"""Noise on a batch, at timesteps that are drawn, and what the denoiser should say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ...families.noise_schedule import is_flow, prediction_type_of
from ...state import InputError, Outputs
from ..core.block import Block
from ..core.slots import component

if TYPE_CHECKING:
    import torch
    from diffusers.schedulers.scheduling_utils import SchedulerMixin
    from torch import Tensor


class NoiseBatch(Block):
    """Draw noise and a timestep for each row, and make noisy latents and the target of the scheduler's kind of prediction.

    `density`: of timesteps. "logit_normal" is for flow matching (Esser et al. 2024, https://arxiv.org/abs/2403.03206, section 3.1). `noise_offset`:
    of a number for each row and channel that is added to the noise, so that brightness is learned too.
    """

    density: Literal["uniform", "logit_normal"] = "uniform"
    noise_offset: float = 0.0

    noise_scheduler: SchedulerMixin = component(
        doc="Adds noise; of diffusion a DDPMScheduler, of flow matching its own."
    )

    class Out(Outputs):
        noisy: Tensor
        target: Tensor
        timesteps: Tensor

    def run(self, clean: Tensor, generator: torch.Generator) -> Out:
        import torch

        scheduler = self.noise_scheduler
        noise = torch.randn(clean.shape, generator=generator, dtype=clean.dtype).to(clean.device)
        if self.noise_offset:
            offsets = torch.randn((*clean.shape[:2], *_ones(clean, 2)), generator=generator, dtype=clean.dtype).to(
                clean.device
            )
            noise = noise + self.noise_offset * offsets
        places = self._places(len(clean), int(scheduler.config.num_train_timesteps), generator)
        if is_flow(scheduler):
            timesteps = scheduler.timesteps[places].to(clean.device)
            sigmas = scheduler.sigmas[places].to(clean).view(-1, *_ones(clean, 1))
            return self.Out(noisy=(1.0 - sigmas) * clean + sigmas * noise, target=noise - clean, timesteps=timesteps)
        timesteps = places.to(clean.device)
        noisy = scheduler.add_noise(clean, noise, timesteps)
        return self.Out(noisy=noisy, target=self._target(clean, noise, timesteps), timesteps=timesteps)

    def _places(self, count: int, most: int, generator: torch.Generator) -> Tensor:
        import torch

        if self.density == "uniform":
            return torch.randint(0, most, (count,), generator=generator)
        drawn = torch.randn(count, generator=generator).sigmoid()
        return (drawn * most).long().clamp(max=most - 1)

    def _target(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        kind = prediction_type_of(self.noise_scheduler)
        if kind == "epsilon":
            return noise
        if kind == "sample":
            return clean
        if kind == "v_prediction":
            velocity: Tensor = self.noise_scheduler.get_velocity(clean, noise, timesteps)
            return velocity
        raise InputError(f"{type(self.noise_scheduler).__name__} predicts {kind!r}, for which no target is known.")


def _ones(clean: Tensor, done: int) -> tuple[int, ...]:
    """Return a 1 for each dimension behind so many: images have four, and sequences of patches three."""
    return (1,) * (clean.ndim - done)
