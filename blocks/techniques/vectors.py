"""Priors: vectors of images that are denoised from a text, and tell a decoder what to draw (Ramesh et al. 2022, https://arxiv.org/abs/2204.06125)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from ...engine.network_calls import call_network
from ...families.contract import Denoiser
from ...state import Conditioning, Group, Outputs
from ...state.vocabulary import (
    AsksNegative,
    Eta,
    Generators,
    HostTimestep,
    ImagesPerPrompt,
    ImageVectors,
    Latents,
    NegativePrompt,
    NoisePrediction,
    Prompt,
    StepIndex,
    Timestep,
    Timesteps,
)
from ..core.block import Block
from ..core.slots import component
from ..steps.denoise import Denoise, ScaleLatents, StepScheduler
from ..steps.expand_batch import ExpandBatch
from ..steps.predict_noise import PredictNoise

if TYPE_CHECKING:
    import torch
    from transformers import CLIPVisionModelWithProjection


class AskNegativeVectors(Block):
    """Ask for vectors of the negative prompts, too, where there are such: they stand behind the others, and are guided by themselves."""

    class Out(Outputs):
        prompt: Prompt
        negative_prompt: NegativePrompt | None
        generator: Generators | None
        asks_negative: AsksNegative

    def run(
        self,
        prompt: Prompt,
        negative_prompt: NegativePrompt | None = None,
        generator: Generators | None = None,
    ) -> Out:
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        if negative_prompt is None:
            return self.Out(prompt=prompts, negative_prompt=None, generator=generator, asks_negative=False)
        negative = [negative_prompt] if isinstance(negative_prompt, str) else list(negative_prompt)
        if len(negative) == 1:
            negative *= len(prompts)
        if isinstance(generator, (list, tuple)):
            # Each with the noise of its image, so that an image of a batch is the image alone.
            generator = [*generator, *map(_copied, generator)]
        return self.Out(
            prompt=[*prompts, *negative], negative_prompt=negative * 2, generator=generator, asks_negative=True
        )


def _copied(generator: torch.Generator) -> torch.Generator:
    """Return a generator that draws the same from here on."""
    import torch

    return torch.Generator(generator.device).set_state(generator.get_state())


class StepBetween(StepScheduler):
    """Take one step of the solver, which is told the next timestep: those of priors go from any to any."""

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        noise_pred: NoisePrediction,
        t: Timestep,
        latents: Latents,
        timesteps: Timesteps,
        i: StepIndex,
        generator: Generators | None = None,
        eta: Eta = 0.0,
        host_t: HostTimestep | None = None,
    ) -> StepScheduler.Out:
        at = t if host_t is None else host_t
        following = timesteps[i + 1].to(at.device) if i + 1 < len(timesteps) else None
        return self.Out(latents=self.stepped(noise_pred, t, latents, generator, eta, host_t, prev_timestep=following))


class DenoiseVectors(Denoise):
    """Denoise vectors of images, step by step."""

    block_classes = [ScaleLatents, PredictNoise, StepBetween]
    block_names = ["before_denoiser", "denoiser", "after_denoiser"]


class TakeVectors(Block):
    """Take the vectors out of the latents, and beside them those of the negative prompts, or of a black image where there are none."""

    denoiser: Denoiser = component(doc="Knows the scale of the vectors.")
    image_encoder: CLIPVisionModelWithProjection = component(doc="Sees the black image.")

    class Out(Outputs):
        image_embeds: ImageVectors
        negative_image_embeds: ImageVectors

    def run(self, latents: Latents, asks_negative: AsksNegative) -> Out:
        vectors = self.family.vectors(self.denoiser, latents)
        if asks_negative:
            positive, negative = vectors.chunk(2)
            return self.Out(image_embeds=positive.clone(), negative_image_embeds=negative.clone())
        return self.Out(image_embeds=vectors, negative_image_embeds=self._of_nothing().repeat(len(vectors), 1))

    def _of_nothing(self) -> torch.Tensor:
        import torch

        encoder: Any = self.image_encoder
        side = encoder.config.image_size
        # Zeros as they are, which is black to the model, and grey in the scale that its processor gives images.
        shown = torch.zeros(1, 3, side, side, device=self.device, dtype=encoder.dtype)
        seen: torch.Tensor = call_network(encoder, shown).image_embeds
        return seen


class ExpandVectors(ExpandBatch):
    """Take vectors that a prior has made, one for each image already, in the denoiser's dtype."""

    class Out(ExpandBatch.Out):
        num_images_per_prompt: ImagesPerPrompt

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self, embeds: Annotated[Conditioning, Group("prompt_embeds")]
    ) -> Out:
        return self.Out(**self.rows(embeds, 1), num_images_per_prompt=1)
