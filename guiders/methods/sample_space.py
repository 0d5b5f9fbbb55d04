"""Guidance on clean samples in place of raw predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ..written_settings import checked
from .around import GuidanceAround

if TYPE_CHECKING:
    from torch import Tensor

    from ..guider import GuidanceStep
    from ..noise_level import NoiseLevel


@frozen(kw_only=True, slots=False, field_transformer=checked)
class SampleSpaceGuidance(GuidanceAround):
    """Give another guider the clean samples that the predictions mean, and turn its result into a prediction again.

    Of guiders whose result is a weighted sum with weights that add up to 1 (classifier-free, perturbed attention) this
    changes nothing but rounding. Methods that project, limit a norm or look at frequencies are defined on clean samples by
    their papers (adaptive projected guidance: Sadat et al. 2024, https://arxiv.org/abs/2410.02416, section 4), while
    diffusers gives them the raw prediction; this is how the paper has it.

    Example:
        >>> guider = SampleSpaceGuidance(guider=AdaptiveProjectedGuidance(guidance_scale=10.0, eta=0.0))
        >>> guider.with_scale(4.0).guider.guidance_scale
        4.0
    """

    def corrected(
        self, predictions: Mapping[str, Tensor], step: GuidanceStep, noise: NoiseLevel, memory: object
    ) -> tuple[Tensor, Any]:
        """Let the inner guider combine samples."""
        if len(predictions) == 1:
            return self.inner.combine(predictions, step, memory)
        samples = {name: noise.sample_of(prediction) for name, prediction in predictions.items()}
        # An inner guider that asks for samples as well is given what is one already.
        inside = evolve(step, noise=evolve(noise, predicts="sample"))
        guided, memory = self.inner.combine(samples, inside, memory)
        return noise.prediction_of(guided), memory
