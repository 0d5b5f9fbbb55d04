"""Perturbed attention guidance (Ahn et al. 2024, https://arxiv.org/abs/2403.17377)."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from ..guider import GuidanceStep
from ..perturbation import LayerSkipConfig, Perturbation, check_config, check_layers, configs_in, perturbations_of
from ..scale_schedule import scale_of
from ..setting_types import Share, Strength
from ..written_settings import checked
from .perturbed import PerturbedGuidance


@frozen(kw_only=True, slots=False, field_transformer=checked)
class PerturbedAttentionGuidance(PerturbedGuidance):
    """Move away from a prediction in which the tokens of some layers attend to themselves only.

    Attributes:
        perturbed_guidance_scale: strength (s in eq. 16 of the paper). perturbed_guidance_start, perturbed_guidance_stop: the
            steps that have it, as fractions.
        perturbed_guidance_layers: numbers of layers; perturbed_guidance_config: more exactly. With neither, those that the
            family recommends: for UNets the middle block, as in the paper.
    """

    perturbed_guidance_scale: Strength = field(default=2.8, converter=scale_of)
    perturbed_guidance_start: Share = 0.01
    perturbed_guidance_stop: Share = 0.2
    perturbed_guidance_layers: Any = field(default=None, validator=check_layers)
    perturbed_guidance_config: Any = field(default=None, validator=check_config)

    @property
    def perturbed_scale(self) -> Any:
        """Strength of moving away from the perturbed prediction."""
        return self.perturbed_guidance_scale

    @property
    def perturbed_window(self) -> tuple[float, float]:
        """The steps that have it."""
        return self.perturbed_guidance_start, self.perturbed_guidance_stop

    def perturbations(self, step: GuidanceStep) -> tuple[Perturbation, ...]:  # noqa: ARG002 - the protocol gives it
        """Return attention scores of the layers, whatever else a configuration says of them."""
        configs = configs_in(self, "perturbed_guidance_config", "perturbed_guidance_layers")
        only_scores = {"skip_attention": False, "skip_attention_scores": True, "skip_ff": False}
        return perturbations_of(LayerSkipConfig(each.indices, each.fqn, **only_scores) for each in configs)
