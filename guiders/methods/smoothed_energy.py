"""Smoothed energy guidance (Hong 2024, https://arxiv.org/abs/2408.00760)."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from ..guider import GuidanceStep
from ..perturbation import Perturbation, check_config, check_layers, configs_in
from ..scale_schedule import scale_of
from ..setting_types import Limit, NotNegative, Share, Strength
from ..written_settings import checked
from .perturbed import PerturbedGuidance


@frozen(kw_only=True, slots=False, field_transformer=checked)
class SmoothedEnergyGuidance(PerturbedGuidance):
    """Move away from a prediction whose self-attention has blurred queries, in some layers.

    Attributes:
        seg_guidance_scale: strength. seg_guidance_start, seg_guidance_stop: the steps that have it, as fractions.
        seg_blur_sigma: deviation of the blur in tokens; above `seg_blur_threshold_inf` it is taken for infinite, and queries
            become their mean.
        seg_guidance_layers: numbers of layers; seg_guidance_config: with the path of a stack (`indices`, `fqn`). With
            neither, those that the family recommends.
    """

    seg_guidance_scale: Strength = field(default=2.8, converter=scale_of)
    seg_blur_sigma: NotNegative = 9999999.0
    seg_blur_threshold_inf: Limit = 9999.0
    seg_guidance_start: Share = 0.0
    seg_guidance_stop: Share = 1.0
    seg_guidance_layers: Any = field(default=None, validator=check_layers)
    seg_guidance_config: Any = field(default=None, validator=check_config)

    @property
    def perturbed_scale(self) -> Any:
        """Strength of moving away from the perturbed prediction."""
        return self.seg_guidance_scale

    @property
    def perturbed_window(self) -> tuple[float, float]:
        """The steps that have it."""
        return self.seg_guidance_start, self.seg_guidance_stop

    def perturbations(self, step: GuidanceStep) -> tuple[Perturbation, ...]:  # noqa: ARG002 - the protocol gives it
        """Return queries of the layers, blurred."""
        sigma = float("inf") if self.seg_blur_sigma > self.seg_blur_threshold_inf else self.seg_blur_sigma
        configs = configs_in(self, "seg_guidance_config", "seg_guidance_layers")
        return tuple(Perturbation("blur", each.indices, each.fqn, sigma=sigma) for each in configs)
