"""Networks that are preconditioned by the level of noise (Karras et al. 2022, https://arxiv.org/abs/2206.00364, table 1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...families.asked_members import AskedMember, asks
from ...families.contract import Scheduler
from ...families.noise_schedule import scaled_input
from ...families.unet import PRECONDITIONING
from ...guiders import GuidanceBranch
from ...state import InputError
from ...state.vocabulary import Latents, StepIndex, Timestep
from ..core.slots import component
from ..steps.denoise import Denoise, ScaleLatents, StepScheduler
from ..steps.denoiser_call import DenoiserCall, DenoiserInput
from ..steps.predict_noise import PredictNoise, repeated

if TYPE_CHECKING:
    from torch import Tensor

SIGMAS = AskedMember("sigmas", "the level of noise of each step")


@frozen(eq=False)
class Preconditioned:
    """How a network is preconditioned at a step.

    Attributes:
        sigma, factor: the level of noise, and what the network's words are multiplied by, `[]`. latents: as they are, `[b c h w]`.
    """

    sigma: Tensor
    factor: Tensor
    latents: Tensor


class Preconditioning(DenoiserInput):
    """The level of noise of a step, and latents that are not scaled, of which a part goes into the prediction."""

    scheduler: Scheduler = component(mutates=True)

    def prepare(self, latents: Latents, i: StepIndex, t: Timestep) -> Preconditioned:
        """Return how the network is preconditioned.

        Raises:
            InputError: the scheduler scales what the network is given in another way.
        """
        scheduler: Any = self.scheduler
        sigma = scheduler.sigmas[i].to(latents.device)
        factor: Any = scaled_input(scheduler, sigma, t)
        if i == 0 and abs(float(factor * (sigma**2 + 1) ** 0.5 - sigma)) > 1e-4 * float(sigma):
            raise InputError(
                f"{type(scheduler).__name__} does not divide latents by the deviation that they have at its noise levels, as the network was "
                "trained; use EulerDiscreteScheduler, or another of its kind."
            )
        return Preconditioned(sigma, factor, latents)

    def extra_inputs(
        self,
        prepared: Preconditioned,
        call: DenoiserCall,  # noqa: ARG002 - as in the base
        branches: Sequence[GuidanceBranch],
        latents: Tensor,
        kwargs: Mapping[str, Any],  # noqa: ARG002
    ) -> Mapping[str, Any]:
        """Return the same for every branch; where a guider asks how the prediction changes with the latents, of what it asks about."""
        plain = repeated(prepared.latents, len(branches))
        if latents.requires_grad:
            plain = latents * (prepared.sigma / prepared.factor)
        return {PRECONDITIONING: (prepared.sigma, prepared.factor, plain)}


class PredictPreconditioned(PredictNoise):
    """Predict the sample, with a network that is preconditioned."""

    parts = [Preconditioning]

    def component_faults(self, components: Mapping[str, Any]) -> Iterable[str]:
        """The solver must be given samples."""
        yield from super().component_faults(components)
        kind = components["scheduler"] and components["scheduler"].config.get("prediction_type")
        if kind not in (None, "sample", "original_sample"):
            yield (
                f"scheduler has prediction_type={kind!r}, and a preconditioned network predicts the sample: "
                "EulerDiscreteScheduler.from_config(pipe.scheduler.config, prediction_type='sample')."
            )


asks(PredictPreconditioned, scheduler=(SIGMAS,))


class PreconditionedDenoise(Denoise):
    """Denoise the latents with a network that is preconditioned."""

    block_classes = [ScaleLatents, PredictPreconditioned, StepScheduler]
    block_names = ["before_denoiser", "denoiser", "after_denoiser"]
