"""Guiders that move away from a worse prediction of the same network: perturbed attention, skipped layers, blurred queries."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ...state import InputError
from ..guider import CONDITIONAL, GuidanceBranch, GuidanceStep
from ..perturbation import Perturbation
from ..scale_schedule import is_never, scale_at
from ..written_settings import checked
from .classifier_free import ClassifierFreeGuidance
from .conditional import rescaled

if TYPE_CHECKING:
    from torch import Tensor


@frozen(kw_only=True, slots=False, field_transformer=checked)
class PerturbedGuidance(ClassifierFreeGuidance, is_base=True):
    """Base: classifier-free guidance, and away from a perturbed conditional prediction.

    A subclass defines `perturbations(step)`, and what its scale and window are called.
    """

    def perturbations(self, step: GuidanceStep) -> tuple[Perturbation, ...]:
        """Return what is perturbed in the third prediction."""
        raise NotImplementedError(f"{type(self).__name__} must define perturbations(step).")

    @property
    def perturbed_scale(self) -> Any:
        """Strength of moving away from the perturbed prediction; 0 is none."""
        raise NotImplementedError(f"{type(self).__name__} must define perturbed_scale.")

    @property
    def perturbed_window(self) -> tuple[float, float]:
        """The steps that have that prediction, as fractions."""
        raise NotImplementedError(f"{type(self).__name__} must define perturbed_window.")

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.perturbations(GuidanceStep(0, 1))  # refuses layers that are named in two ways, or wrongly
        start, stop = self.perturbed_window
        if not 0.0 <= start <= stop <= 1.0:
            raise InputError(
                f"{type(self).__name__}: the window {start} to {stop} must lie within 0 and 1, in this order."
            )

    @property
    def wanted_perturbations(self) -> tuple[Perturbation, ...]:
        """The perturbations that some step asks for."""
        return () if self._never_perturbed or not self.enabled else self.perturbations(GuidanceStep(0, 1))

    def is_perturbed(self, step: GuidanceStep) -> bool:
        """Return whether a step has the perturbed prediction; a window that is not empty has at least one step."""
        if not self.enabled or self._never_perturbed:
            return False
        start, stop = self.perturbed_window
        # Rounded up, so that the default of 1 % leaves the very first step alone; a window that is not empty has a
        # step in short runs, too.
        first = math.ceil(start * step.count)
        last = max(math.ceil(stop * step.count), first + (start < stop))
        return first <= step.index < last and not math.isclose(scale_at(self.perturbed_scale, step), 0.0)

    @cached_property
    def _never_perturbed(self) -> bool:
        return is_never(self.perturbed_scale, 0.0)

    def branches(self, step: GuidanceStep) -> tuple[GuidanceBranch, ...]:
        """Return those of classifier-free guidance, and the perturbed conditional prediction."""
        plain = super().branches(step)
        if not self.is_perturbed(step):
            return plain
        return (*plain, evolve(CONDITIONAL, name="perturbed", perturbations=self.perturbations(step)))

    def combine(
        self, predictions: Mapping[str, Tensor], step: GuidanceStep, memory: object = None
    ) -> tuple[Tensor, Any]:
        """Return `u + s (c - u) + s_p (c - p)`; without classifier-free guidance `p + s_p (c - p)`."""
        conditional, perturbed = predictions["conditional"], predictions.get("perturbed")
        if perturbed is None:
            return super().combine(predictions, step, memory)
        unconditional = predictions.get("unconditional")
        away = conditional - perturbed
        if unconditional is None:
            # As diffusers: the perturbed prediction takes the place of the unconditional one.
            guided = conditional if self.use_original_formulation else perturbed
        else:
            guided, memory = self.guided(conditional, unconditional, step, memory)
        guided = guided + scale_at(self.perturbed_scale, step) * away
        if self.guidance_rescale > 0.0:
            guided = rescaled(guided, conditional, self.guidance_rescale)
        return guided, memory
