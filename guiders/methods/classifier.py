"""Classifier guidance (Dhariwal and Nichol 2021, https://arxiv.org/abs/2105.05233), by any function that can be derived."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from attrs import evolve, field, frozen

from ...state import InputError
from ..scale_schedule import scale_at, scale_of
from ..setting_types import Called, Strength
from ..written_settings import checked
from .around import GuidanceAround

if TYPE_CHECKING:
    from torch import Tensor

    from ..guider import GuidanceStep
    from ..noise_level import NoiseLevel

Score = Callable[..., Any]
"""Takes samples `[b c h w]` and the step, with its level of noise; returns log probabilities, `[b]` or one number."""


@frozen(kw_only=True, slots=False, field_transformer=checked)
class ClassifierGuidance(GuidanceAround):
    """Follow the gradient of a score, such as a classifier's log probability, on top of another guider.

    Attributes:
        score: takes samples `[b c h w]` and the step, and returns what shall grow, one number per sample.
        classifier_scale: strength (s in algorithm 2 of the paper).
        of: what is scored. "latents", as in the paper, are those of the step, with their noise, for classifiers that were
            trained on such. "sample" is the clean sample that the prediction means, for any other; the gradient then goes
            through the network (Bansal et al. 2023, https://arxiv.org/abs/2302.07121, eq. 5), which costs time and memory.
    """

    acts_alone: ClassVar[bool] = True
    score: Called
    classifier_scale: Strength = field(default=1.0, converter=scale_of)
    of: Literal["latents", "sample"] = "sample"

    def needs_gradient(self, step: GuidanceStep) -> bool:
        """Return whether the gradient goes through the network at this step."""
        return self.of == "sample" and self.in_window(step)

    def corrected(
        self, predictions: Mapping[str, Tensor], step: GuidanceStep, noise: NoiseLevel, memory: object
    ) -> tuple[Tensor, Any]:
        """Move the sample by `scale * noise^2 / signal * gradient`, which moves epsilon by `-scale * noise * gradient`."""
        # Combined twice, once without a graph: what the run goes on with must not hold the network's activations.
        plain = {name: prediction.detach() for name, prediction in predictions.items()}
        told = evolve(step, noise=evolve(noise, latents=noise.latents.detach()))
        guided, after = self.inner.combine(plain, told, memory)
        if noise.signal == 0.0:  # nothing is left of the image, so nothing can be said of it
            return guided, after
        gradient = self._gradient(predictions, step, noise, memory)
        # From algorithm 2, epsilon' = epsilon - scale * sigma * gradient, written for the sample that epsilon means:
        # x = (latents - sigma * epsilon) / alpha.
        strength = scale_at(self.classifier_scale, step) * noise.noise**2 / noise.signal
        return noise.prediction_of(noise.sample_of(guided) + strength * gradient).detach(), after

    def _gradient(
        self, predictions: Mapping[str, Tensor], step: GuidanceStep, noise: NoiseLevel, memory: object
    ) -> Tensor:
        import torch

        with torch.enable_grad():
            if self.of == "latents":
                scored = latents = noise.latents.detach().requires_grad_()
            else:
                latents = noise.latents
                scored = noise.sample_of(self.inner.combine(predictions, step, memory)[0])
            score = self.score(scored, step)
            if not (isinstance(score, torch.Tensor) and score.requires_grad):
                raise InputError(
                    "ClassifierGuidance: score(samples, step) must return a tensor that depends on the samples by operations "
                    f"that torch can derive; it returned {type(score).__name__}"
                    f"{' without a gradient' if isinstance(score, torch.Tensor) else ''}. Look for .detach(), .item(), "
                    "numpy or torch.no_grad() in it."
                )
            # Summed over the batch: images do not depend on each other, so each gets its own gradient.
            return torch.autograd.grad(score.float().sum(), latents)[0].float()
