"""One denoising by two families in turn: what the first leaves, and how the second goes on at the same level of noise.

Latents of a loop are `signal * (sample + ratio * noise)`, where the ratio of noise to signal is what schedules of both kinds, of diffusion and of
flow, have in common (Karras et al. 2022, https://arxiv.org/abs/2206.00364, section 2; Kingma and Gao 2023, https://arxiv.org/abs/2303.00848).
"""

from __future__ import annotations

import inspect
import math
from typing import TYPE_CHECKING, Any, Literal

from ...families.contract import Autoencoder, Scheduler
from ...families.noise_schedule import with_noise
from ...state import InputError, Outputs
from ...state.vocabulary import (
    CleanLatents,
    CleanPixels,
    DType,
    FirstShare,
    Generators,
    Height,
    Latents,
    LatentTimestep,
    LeftNoise,
    NoisePrediction,
    NoiseRatio,
    ReachedTimestep,
    ScaledLatents,
    StepCount,
    Timesteps,
    VaeLatents,
    Width,
)
from ..core.block import Block
from ..core.choice import ConditionalPipelineBlocks
from ..core.slots import component
from ..steps.decode import Decode
from ..steps.encode_image import EncodeImage, encoded, image_size
from ..steps.prepare_latents import draw_noise
from ..steps.set_timesteps import begin_at, cutoff

if TYPE_CHECKING:
    from diffusers import ModelMixin
    from torch import Tensor


class KeepFirstTimesteps(Block):
    """Leave the last share of the noise range to the second family."""

    scheduler: Scheduler = component(doc="Noise schedule and solver.")

    class Out(Outputs):
        timesteps: Timesteps
        num_inference_steps: StepCount
        reached_timestep: ReachedTimestep

    def run(self, timesteps: Timesteps, num_inference_steps: StepCount, first_share: FirstShare) -> Out:
        refuse_several_predictions(self.scheduler, timesteps)
        count = int((timesteps >= cutoff(self.scheduler, first_share)).sum())
        if not 0 < count < len(timesteps):
            which = "first" if count == 0 else "second"
            raise InputError(
                f"first_share={first_share} of {num_inference_steps} steps leaves none to the {which} family; use more steps, a share nearer to the "
                f"middle, or {'0' if count == 0 else '1'}, which is the other family alone."
            )
        return self.Out(
            timesteps=timesteps[:count].clone(),
            num_inference_steps=count,
            reached_timestep=timesteps[count : count + 1].clone(),
        )


def refuse_several_predictions(scheduler: Scheduler, timesteps: Tensor) -> None:
    """Refuse solvers that predict more than once for a step: between two predictions their latents are of no level.

    Raises:
        InputError: it is one.
    """
    if scheduler.order != 1 or len(set(timesteps.tolist())) < len(timesteps):
        raise InputError(
            f"{type(scheduler).__name__} predicts more than once for a step, so it cannot stop or begin anywhere; take DDIMScheduler, "
            "EulerDiscreteScheduler, DPMSolverMultistepScheduler, or of flows FlowMatchEulerDiscreteScheduler."
        )


def signal_and_noise(scheduler: Scheduler, timestep: Tensor) -> tuple[float, float]:
    """Return how strong signal and noise are in the latents of a loop, at a timestep `[1]` at which the scheduler stands."""
    import torch

    one, none = torch.ones(1, 1, 1, 1, device=timestep.device), torch.zeros(1, 1, 1, 1, device=timestep.device)
    return float(with_noise(scheduler, one, none, timestep)), float(with_noise(scheduler, none, one, timestep))


class LeaveNoise(Block):
    """Tell apart what the first family takes for the image, by its last prediction, and the noise that is left."""

    scheduler: Scheduler = component(mutates=True, doc="Says how much noise is left.")

    class Out(Outputs):
        clean_latents: CleanLatents
        left_noise: LeftNoise
        noise_ratio: NoiseRatio

    def run(
        self,
        latents: Latents,
        scaled_latents: ScaledLatents,
        noise_pred: NoisePrediction,
        timesteps: Timesteps,
        reached_timestep: ReachedTimestep,
    ) -> Out:
        channels = latents.shape[1]
        level = self.family.noise_level(self.scheduler, scaled_latents[:, :channels], timesteps[-1])
        # Behind its own channels may stand a variance.
        clean = level.sample_of(noise_pred[:, :channels])
        signal, noise = signal_and_noise(self.scheduler, reached_timestep)
        left = (latents.float() - signal * clean) / noise
        return self.Out(
            clean_latents=clean.to(latents.dtype), left_noise=left.to(latents.dtype), noise_ratio=noise / signal
        )


class KeepLastTimesteps(Block):
    """Begin where the schedule has the level of noise that the first family left, or comes next to it."""

    scheduler: Scheduler = component(mutates=True, doc="Noise schedule and solver.")

    class Out(Outputs):
        timesteps: Timesteps
        num_inference_steps: StepCount
        latent_timestep: LatentTimestep

    def run(
        self,
        timesteps: Timesteps,
        num_inference_steps: StepCount,  # noqa: ARG002 - it is written anew
        noise_ratio: NoiseRatio,
    ) -> Out:
        refuse_several_predictions(self.scheduler, timesteps)
        away = []
        for index in range(len(timesteps)):
            begin_at(self.scheduler, index)
            signal, noise = signal_and_noise(self.scheduler, timesteps[index : index + 1])
            # In the logarithm, as schedules go; pure noise, of no signal, is beyond all, and so is what has no noise.
            away.append(math.inf if min(signal, noise) <= 0 else abs(math.log(noise / signal) - math.log(noise_ratio)))
        start = min(range(len(away)), key=away.__getitem__)
        begin_at(self.scheduler, start)
        chosen = timesteps[start:].clone()
        return self.Out(timesteps=chosen, num_inference_steps=len(chosen), latent_timestep=chosen[:1].clone())


class UnscaleClean(Block):
    """Bring what the first family takes for the image to the scale of the VAE, which both families have."""

    vae: Autoencoder = component(config_only=True)

    class Out(Outputs):
        vae_latents: VaeLatents

    def run(self, clean_latents: CleanLatents) -> Out:
        return self.Out(vae_latents=self.family.unscale_latents(self.vae, clean_latents))


class TakeLatents(Block):
    """Go on with the latents of the first family, of the same VAE: its noise, at the level at which the second begins."""

    vae: Autoencoder = component(config_only=True)
    scheduler: Scheduler = component(mutates=True)

    class Out(Outputs):
        latents: Latents
        height: Height
        width: Width

    def run(self, vae_latents: VaeLatents, left_noise: LeftNoise, latent_timestep: LatentTimestep, dtype: DType) -> Out:
        clean = self.family.scale_latents(self.vae, vae_latents).to(dtype)
        begun = with_noise(self.scheduler, clean, left_noise.to(dtype), latent_timestep)
        height, width = image_size(self.family, self.vae, begun)
        return self.Out(latents=begun, height=height, width=width)


class CompareVaes(Block):
    """See that the VAEs of both families are the same, so that latents of one mean the same to the other.

    Attributes:
        compared: "encoder" where their decoders may have other weights: what latents mean, the encoder says.
    """

    compared: Literal["whole", "encoder"] = "whole"

    vae: Autoencoder = component(doc="Of the first family.")
    second_vae: ModelMixin = component(doc="Of the second family.")

    def run(self) -> None:
        different = vae_difference(self.vae, self.second_vae, self.compared)
        if not different:
            return
        refused = (
            f"The VAEs of both families differ in {different}, so latents of one mean nothing to the other; hand over through pixels: "
            'families_in_turn(first, second, through="pixels").'
        )
        if self.compared == "whole" and not vae_difference(self.vae, self.second_vae, "encoder"):
            refused += ' Only their decoders differ: compared="encoder" hands latents over, and the second decodes them in its own way.'
        raise InputError(refused)


_NO_MEANING = ("sample_size", "force_upcast")
"""Settings of a VAE that change nothing of what its latents mean."""
_OF_DECODER = ("decoder.", "post_quant_conv.")
"""How names of weights begin that read latents, and make none."""


def vae_difference(one: Any, other: Any, compared: Literal["whole", "encoder"] = "whole") -> str:
    """Say in what two VAEs differ: a setting, or a weight; nothing for the same.

    Two classes may hold one network. A setting that one of them does not know has to be that class's default.

    Args:
        compared: "encoder" leaves weights of decoders out.
    """
    import torch

    if one is other:
        return ""
    first, second = _settings(one, other), _settings(other, one)
    for name in sorted({*first, *second}):
        if first.get(name) != second.get(name):
            return f"{name} ({first.get(name)!r} and {second.get(name)!r})"
    weights, others = (
        {
            name: each
            for name, each in vae.state_dict().items()
            if compared == "whole" or not name.startswith(_OF_DECODER)
        }
        for vae in (one, other)
    )
    odd = [name for name, weight in weights.items() if name not in others or weight.shape != others[name].shape]
    odd += [name for name in others if name not in weights]
    # Every number, in every run: what says less about weights misses writes that torch does not count. Where they are, and asked
    # for once, because each answer waits for the device.
    flags = [] if odd else [_unequal(weight, others[name]) for name, weight in weights.items()]
    unequal = torch.stack([flag.to(flags[0].device) for flag in flags]).tolist() if flags else []
    found = odd or [name for name, is_other in zip(weights, unequal, strict=True) if is_other]
    return f"the weight {found[0]}" if found else ""


def _settings(vae: Any, other: Any) -> dict[str, Any]:
    """Return the settings of a VAE that say what its latents mean, of those that another class does not know those that are no defaults."""
    own = {name: value for name, value in vae.config.items() if not name.startswith("_") and name not in _NO_MEANING}
    if type(vae) is type(other):
        return own
    defaults = {name: each.default for name, each in inspect.signature(type(vae)).parameters.items()}
    return {name: value for name, value in own.items() if name in other.config or value != defaults.get(name)}


def _unequal(one: Tensor, other: Tensor) -> Tensor:
    if one.device != other.device:
        one, other = one.cpu(), other.cpu()
    if one.dtype != other.dtype:
        one, other = one.float(), other.float()
    # NaN in the same place is the same, though it equals nothing.
    return ((one != other) & ~(one.isnan() & other.isnan())).any()


class DecodeClean(Decode):
    """Turn what the first family takes for the image into pixels."""

    class Out(Outputs):
        clean_pixels: CleanPixels

    def run(self, clean_latents: CleanLatents) -> Out:  # type: ignore[override]  # a block's signature is its declaration
        return self.Out(clean_pixels=(self.decoded(clean_latents) / 2 + 0.5).clamp(0, 1))


class DecodeDrawn(DecodeClean):
    """Turn the latents that the first family ended with into pixels, for a second family that refines the image."""

    def run(self, latents: Latents) -> DecodeClean.Out:  # type: ignore[override]  # a block's signature is its declaration
        return super().run(latents)


class EncodeClean(EncodeImage):
    """Turn these pixels into latents of the second family, with noise of the level at which it begins."""

    scheduler: Scheduler = component(mutates=True)

    class Out(Outputs):
        latents: Latents
        height: Height
        width: Width

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        clean_pixels: CleanPixels,
        latent_timestep: LatentTimestep,
        dtype: DType,
        generator: Generators | None = None,
    ) -> Out:
        height, width = clean_pixels.shape[-2:]
        faults = [
            fault
            for name, side in (("height", height), ("width", width))
            if (fault := self.family.size_fault(name, side))
        ]
        if faults:
            raise InputError(f"{self.family.name} goes on with images of the first family. {' '.join(faults)}")
        clean = encoded(self.family, self.vae, clean_pixels * 2 - 1, generator, self.device).to(dtype)
        noise = draw_noise(tuple(clean.shape), generator, self.device, dtype)
        return self.Out(latents=with_noise(self.scheduler, clean, noise, latent_timestep), height=height, width=width)


class FamiliesInTurn(ConditionalPipelineBlocks):
    """The first family alone, the second alone, or one after the other, as `first_share` says."""

    block_trigger_inputs = ["first_share"]

    def select_block(self, first_share: FirstShare) -> str:  # type: ignore[override]  # its values are named
        """Return "second" for 0, "first" for 1, and "both" between."""
        return {0.0: "second", 1.0: "first"}.get(float(first_share), "both")
