"""Denoisers that are told where the step leads to, beside where it begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...guiders import GuidanceBranch
from ...state.vocabulary import StepIndex, Timesteps
from ..steps.denoise import Denoise, ScaleLatents, StepScheduler
from ..steps.denoiser_call import DenoiserCall, DenoiserInput
from ..steps.predict_noise import PredictNoise

if TYPE_CHECKING:
    from torch import Tensor


class NextTimestep(DenoiserInput):
    """The timestep of the step after, and 0 in the last, for denoisers that are told it."""

    spatial_inputs = ()

    def prepare(self, i: StepIndex, timesteps: Timesteps) -> Tensor:
        """Return it, a scalar."""
        is_last = i + 1 >= len(timesteps)
        found: Tensor = timesteps.new_zeros(()) if is_last else timesteps[i + 1]
        return found

    def extra_inputs(
        self,
        prepared: Tensor,
        call: DenoiserCall,
        branches: Sequence[GuidanceBranch],  # noqa: ARG002 - the same for all
        latents: Tensor,
        kwargs: Mapping[str, Any],  # noqa: ARG002
    ) -> Mapping[str, Any]:
        """Return it for each row of latents."""
        if not self.family.reads_next_time(call.denoiser):
            return {}
        return {self.family.next_time: prepared.to(latents).expand(len(latents))}


class PredictTellingNext(PredictNoise):
    """Predict, with the timestep of the step after."""

    parts = [NextTimestep]


class DenoiseTellingNext(Denoise):
    """Denoise the latents by a network that may be told the timestep of the step after."""

    block_classes = [ScaleLatents, PredictTellingNext, StepScheduler]
    block_names = ["before_denoiser", "denoiser", "after_denoiser"]
