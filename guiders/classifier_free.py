"""Classifier-free guidance (Ho and Salimans 2022, https://arxiv.org/abs/2207.12598)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import frozen

from .guider import CONDITIONAL, UNCONDITIONAL, Branch, GuidanceStep, Guider

if TYPE_CHECKING:
    from torch import Tensor

_GUIDED = (UNCONDITIONAL, CONDITIONAL)
_PLAIN = (CONDITIONAL,)


@frozen(kw_only=True, slots=False)
class ClassifierFreeGuidance(Guider):
    """Push the prediction away from the negative prompt's.

    Attributes:
        guidance_scale: strength. In the usual formulation 1 means none; in the original one 0 does.
        guidance_rescale: 0 to 1; how far to bring the deviation back to the conditional prediction's, against
            overexposure (Lin et al. 2023, https://arxiv.org/abs/2305.08891, section 3.4).
        use_original_formulation: `c + scale (c - u)` as in the paper (eq. 6), instead of `u + scale (c - u)` as in
            Imagen and most code; the first with scale s is the second with scale s + 1.

    Example:
        >>> guider = ClassifierFreeGuidance(guidance_scale=3.0)
        >>> [branch.name for branch in guider.branches(GuidanceStep(0, 10))]
        ['unconditional', 'conditional']
        >>> two, five = torch.tensor([2.0]), torch.tensor([5.0])
        >>> guider.combine({"unconditional": two, "conditional": five}, GuidanceStep(0, 10))[0]
        tensor([11.])
    """

    guidance_scale: float = 7.5
    guidance_rescale: float = 0.0
    use_original_formulation: bool = False

    @cached_property
    def uses_negative(self) -> bool:
        """Whether the scale asks for guidance at all, and some step lies in the window."""
        neutral = 0.0 if self.use_original_formulation else 1.0
        return self.enabled and self.start < self.stop and not math.isclose(self.guidance_scale, neutral)

    def branches(self, step: GuidanceStep) -> tuple[Branch, ...]:
        """The unconditional and the conditional prediction; outside of the window only the latter."""
        return _GUIDED if self.uses_negative and self.in_window(step) else _PLAIN

    def combine(
        self,
        predictions: Mapping[str, Tensor],
        step: GuidanceStep,  # noqa: ARG002 - the protocol gives it
        memory: Any = None,
    ) -> tuple[Tensor, Any]:
        """Combine as the class says; a single prediction passes unchanged."""
        conditional = predictions["conditional"]
        if "unconditional" not in predictions:
            return conditional, memory
        unconditional = predictions["unconditional"]
        origin = conditional if self.use_original_formulation else unconditional
        guided = origin + self.guidance_scale * (conditional - unconditional)
        if self.guidance_rescale > 0.0:
            guided = rescaled(guided, conditional, self.guidance_rescale)
        return guided, memory


def rescaled(guided: Tensor, conditional: Tensor, amount: float) -> Tensor:
    """Bring each picture's deviation towards that of the conditional prediction (2305.08891, eqs. 15 and 16)."""
    dims = list(range(1, guided.ndim))
    deviation = conditional.std(dim=dims, keepdim=True) / guided.std(dim=dims, keepdim=True)
    return amount * (guided * deviation) + (1 - amount) * guided
