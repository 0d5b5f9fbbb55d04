"""Autoguidance (Karras et al. 2024, https://arxiv.org/abs/2406.02507), with a perturbed network as the bad version of itself."""

from __future__ import annotations

from typing import Any

from attrs import evolve, field, frozen

from ..guider import CONDITIONAL, UNCONDITIONAL, GuidanceBranch, GuidanceStep
from ..perturbation import Perturbation, check_config, check_layers, configs_in, perturbations_of
from ..setting_types import Share
from ..written_settings import checked
from .classifier_free import ClassifierFreeGuidance


@frozen(kw_only=True, slots=False, field_transformer=checked)
class AutoGuidance(ClassifierFreeGuidance):
    """Classifier-free guidance whose unconditional prediction comes from the network with some layers dropped.

    Attributes:
        auto_guidance_layers: numbers of layers, which are dropped with `dropout`; auto_guidance_config: more exactly. With
            neither, those that the family recommends.
        dropout: share of the layers' outputs that is dropped; None is all. What is dropped hangs on the step alone.
    """

    auto_guidance_layers: Any = field(default=None, validator=check_layers)
    auto_guidance_config: Any = field(default=None, validator=check_config)
    dropout: Share | None = None

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._perturbations(GuidanceStep(0, 1))  # refuses layers that are named in two ways, or wrongly

    @property
    def wanted_perturbations(self) -> tuple[Perturbation, ...]:
        """The perturbations that some step asks for."""
        return self._perturbations(GuidanceStep(0, 1)) if self.uses_negative else ()

    def branches(self, step: GuidanceStep) -> tuple[GuidanceBranch, ...]:
        """Return both predictions, the unconditional one perturbed."""
        if not self.is_guided(step):
            return (CONDITIONAL,)
        return evolve(UNCONDITIONAL, perturbations=self._perturbations(step)), CONDITIONAL

    def _perturbations(self, step: GuidanceStep) -> tuple[Perturbation, ...]:
        amount = 1.0 if self.dropout is None else self.dropout
        configs = configs_in(self, "auto_guidance_config", "auto_guidance_layers", dropout=amount)
        # Seeded by the step: the same run drops the same outputs, and different steps drop different ones.
        return perturbations_of(configs, step.index)
