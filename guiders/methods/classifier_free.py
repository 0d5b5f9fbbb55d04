"""Classifier-free guidance (Ho and Salimans 2022, https://arxiv.org/abs/2207.12598)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..written_settings import checked
from .conditional import ConditionalGuidance

if TYPE_CHECKING:
    from torch import Tensor

    from ..guider import GuidanceStep


@frozen(kw_only=True, slots=False, field_transformer=checked)
class ClassifierFreeGuidance(ConditionalGuidance):
    """Push the prediction away from the negative prompt's: `u + scale (c - u)`.

    In the original formulation `c + scale (c - u)`: with scale s that is the usual one with scale s + 1.

    Example:
        >>> guider = ClassifierFreeGuidance(guidance_scale=3.0)
        >>> [branch.name for branch in guider.branches(GuidanceStep(0, 10))]
        ['unconditional', 'conditional']
        >>> two, five = torch.tensor([2.0]), torch.tensor([5.0])
        >>> guider.combine({"unconditional": two, "conditional": five}, GuidanceStep(0, 10))[0]
        tensor([11.])
    """

    def guided(
        self, conditional: Tensor, unconditional: Tensor, step: GuidanceStep, memory: object
    ) -> tuple[Tensor, Any]:
        """Guide by equation 6 of the paper, in one of the two formulations."""
        shift = conditional - unconditional
        return self.origin(conditional, unconditional) + self.scale(step) * shift, memory
