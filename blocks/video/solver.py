"""Solvers of videos: some draw noise in another order of axes than latents have, and some are given again what they said before."""

from __future__ import annotations

from typing import Any

from ...families.asked_members import AskedMember, asks
from ...families.contract import Scheduler
from ...state import Outputs
from ...state.vocabulary import (
    Eta,
    Generators,
    HostTimestep,
    Latents,
    NoisePrediction,
    SolverMemory,
    StepIndex,
    Timestep,
)
from ..core.slots import component
from ..steps.denoise import Denoise, ScaleLatents, StepScheduler, refuse_used_up, step_arguments
from ..steps.predict_noise import PredictNoise


class StepVideoScheduler(StepScheduler):
    """Take one step of the solver, with the axes in the order in which the family draws noise.

    Solvers of two steps are told the sample that they predicted in the step before, and its timestep; what they make is in the dtype of the latents.
    """

    scheduler: Scheduler = component(mutates=True)

    class Out(Outputs):
        latents: Latents
        solver_memory: SolverMemory

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        noise_pred: NoisePrediction,
        t: Timestep,
        i: StepIndex,
        latents: Latents,
        generator: Generators | None = None,
        eta: Eta = 0.0,
        host_t: HostTimestep | None = None,
        solver_memory: SolverMemory = None,
    ) -> Out:
        ordered = self.family.in_drawing_order
        prediction, given = ordered(noise_pred).contiguous(), ordered(latents).contiguous()
        scheduler: Any = self.scheduler
        scheduler_class: Any = type(scheduler)
        accepted = step_arguments(scheduler_class)
        if "old_pred_original_sample" in accepted:
            now = t if host_t is None else host_t
            old, back = (None, None) if i == 0 else solver_memory
            refuse_used_up(scheduler)
            own = {"generator": generator} | ({"eta": eta} if "eta" in accepted else {})
            made, sample = scheduler.step(prediction, old, now, back, given, **own, return_dict=False)
            memory = sample, now
        else:
            made, memory = self.stepped(prediction, t, given, generator, eta, host_t), None
        return self.Out(latents=ordered(made.to(latents.dtype)).contiguous(), solver_memory=memory)


# Not how: some take what they said before as well.
asks(StepVideoScheduler, scheduler=(AskedMember("step", "goes from one noise level to the next"),))


class DenoiseVideo(Denoise):
    """Denoise the latents, step by step, by solvers that are given predictions in float32 and draw noise in the family's order of axes."""

    block_classes = [ScaleLatents, PredictNoise, StepVideoScheduler]
    block_names = ["before_denoiser", "denoiser", "after_denoiser"]
