"""CFG-Zero* (Fan et al. 2025, https://arxiv.org/abs/2503.18886)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..guider import GuidanceBranch, GuidanceStep
from ..written_settings import checked
from .classifier_free import ClassifierFreeGuidance

if TYPE_CHECKING:
    from torch import Tensor


@frozen(kw_only=True, slots=False, field_transformer=checked)
class ClassifierFreeZeroStarGuidance(ClassifierFreeGuidance):
    """Classifier-free guidance for flow matching: zero in the first steps, then from the best multiple of the negative one.

    Attributes:
        zero_init_steps: number of first steps whose prediction is zero (section 4.2): no network is called for the negative
            branch there.
    """

    zero_init_steps: int = 1

    def branches(self, step: GuidanceStep) -> tuple[GuidanceBranch, ...]:
        """Return those of classifier-free guidance; while the prediction is zero, the conditional one alone, of which only the shape is used."""
        return super().branches(step) if step.index >= self.zero_init_steps else super().branches(step)[-1:]

    def combine(
        self, predictions: Mapping[str, Tensor], step: GuidanceStep, memory: object = None
    ) -> tuple[Tensor, Any]:
        """Zero at first, then as all."""
        import torch

        if self.enabled and step.index < self.zero_init_steps:
            return torch.zeros_like(predictions["conditional"]), memory
        return super().combine(predictions, step, memory)

    def guided(
        self, conditional: Tensor, unconditional: Tensor, step: GuidanceStep, memory: object
    ) -> tuple[Tensor, Any]:
        """Scale the unconditional prediction by its projection (eq. 9), then guide."""
        multiple = best_multiple(conditional, unconditional)
        return super().guided(conditional, unconditional * multiple, step, memory)


def best_multiple(conditional: Tensor, unconditional: Tensor) -> Tensor:
    """Return the factor per image that brings the unconditional prediction nearest to the conditional one."""
    one, other = conditional.flatten(1).float(), unconditional.flatten(1).float()
    # The paper's epsilon: an unconditional prediction of zeros has no multiple.
    factor = (one * other).sum(dim=1, keepdim=True) / (other.square().sum(dim=1, keepdim=True) + 1e-8)
    return factor.to(conditional.dtype).view(-1, *(1,) * (conditional.ndim - 1))
