"""Two networks for one denoising: one for much noise, and one for little (eDiff-I: Balaji et al. 2022, https://arxiv.org/abs/2211.01324, section 4)."""

from __future__ import annotations

from collections.abc import Iterator

from ...families.asked_members import LEVELS, asks
from ...families.contract import Scheduler
from ...state import Outputs
from ...state.vocabulary import (
    EarlyTimesteps,
    FirstLateStep,
    GuidanceScale,
    LateTimesteps,
    SecondGuidanceScale,
    Timesteps,
)
from ..core.block import Block
from ..core.slots import component, config
from ..steps.denoise import Denoise


class FindBoundary(Block):
    """Say at which step the second network goes on: the first whose timestep is below a fraction of all (`boundary_ratio`)."""

    scheduler: Scheduler = component(config_only=True, doc="Says how many timesteps the networks were trained with.")
    boundary_ratio: float = config(0.875, doc="Below this fraction of the timesteps the second network denoises.")

    class Out(Outputs):
        early_timesteps: EarlyTimesteps
        late_timesteps: LateTimesteps
        first_late_step: FirstLateStep

    def run(self, timesteps: Timesteps) -> Out:
        boundary = self.boundary_ratio * self.scheduler.config.num_train_timesteps
        first = int((timesteps >= boundary).sum())
        # Each of its own memory: a result with two views of one is kept by no cache.
        early, late = (each.clone() for each in (timesteps[:first], timesteps[first:]))
        return self.Out(early_timesteps=early, late_timesteps=late, first_late_step=first)


asks(FindBoundary, scheduler=(LEVELS,))


class DenoiseEarly(Denoise):
    """Denoise the latents as long as they have much noise."""

    def iterate(self, early_timesteps: EarlyTimesteps) -> Iterator[Denoise.Vars]:
        """One iteration per timestep before the boundary."""
        yield from super().iterate(early_timesteps)

    def count(self, early_timesteps: EarlyTimesteps) -> int:
        """As many iterations as timesteps before the boundary."""
        return len(early_timesteps)


class TakeSecondGuidance(Block):
    """Guide the second network by a strength of its own, where one is given."""

    class Out(Outputs):
        guidance_scale: GuidanceScale | None

    def run(
        self, guidance_scale: GuidanceScale | None = None, guidance_scale_2: SecondGuidanceScale | None = None
    ) -> Out:
        return self.Out(guidance_scale=guidance_scale if guidance_scale_2 is None else guidance_scale_2)


class DenoiseLate(Denoise):
    """Denoise the latents from the boundary on; the steps count on."""

    def iterate(self, late_timesteps: LateTimesteps, first_late_step: FirstLateStep) -> Iterator[Denoise.Vars]:  # type: ignore[override]  # a block's signature is its declaration
        """One iteration per timestep after the boundary."""
        for each in super().iterate(late_timesteps):
            yield self.Vars(i=each.i + first_late_step, t=each.t, host_t=each.host_t)

    def count(self, late_timesteps: LateTimesteps, first_late_step: FirstLateStep) -> int:  # type: ignore[override]  # noqa: ARG002 - as `iterate`
        """As many iterations as timesteps after the boundary."""
        return len(late_timesteps)
