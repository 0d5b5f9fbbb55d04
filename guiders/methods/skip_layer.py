"""Skip layer guidance (Stability AI 2024, https://github.com/Stability-AI/sd3.5; Hyung et al. 2024, arXiv:2411.18664)."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from ..guider import GuidanceStep
from ..perturbation import Perturbation, check_config, check_layers, configs_in, perturbations_of
from ..scale_schedule import scale_of
from ..setting_types import Share, Strength
from ..written_settings import checked
from .perturbed import PerturbedGuidance


@frozen(kw_only=True, slots=False, field_transformer=checked)
class SkipLayerGuidance(PerturbedGuidance):
    """Move away from a prediction without some layers.

    Attributes:
        skip_layer_guidance_scale: strength. skip_layer_guidance_start, skip_layer_guidance_stop: the steps that have it.
        skip_layer_guidance_layers: numbers of layers (7, 8, 9 are recommended for Stable Diffusion 3.5 Medium);
            skip_layer_config: more exactly. With neither, those that the family recommends.
    """

    skip_layer_guidance_scale: Strength = field(default=2.8, converter=scale_of)
    skip_layer_guidance_start: Share = 0.01
    skip_layer_guidance_stop: Share = 0.2
    skip_layer_guidance_layers: Any = field(default=None, validator=check_layers)
    skip_layer_config: Any = field(default=None, validator=check_config)

    @property
    def perturbed_scale(self) -> Any:
        """Strength of moving away from the perturbed prediction."""
        return self.skip_layer_guidance_scale

    @property
    def perturbed_window(self) -> tuple[float, float]:
        """The steps that have it."""
        return self.skip_layer_guidance_start, self.skip_layer_guidance_stop

    def perturbations(self, step: GuidanceStep) -> tuple[Perturbation, ...]:
        """Return the layers, left out."""
        return perturbations_of(configs_in(self, "skip_layer_config", "skip_layer_guidance_layers"), step.index)
