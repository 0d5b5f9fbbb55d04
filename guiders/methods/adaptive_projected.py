"""Adaptive projected guidance (Sadat et al. 2024, https://arxiv.org/abs/2410.02416), alone and after classifier-free steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ...state import InputError
from ..scale_schedule import scale_at, scale_of
from ..setting_types import Finite, Limit, Strength
from ..written_settings import checked
from .conditional import ConditionalGuidance, projected

if TYPE_CHECKING:
    from torch import Tensor

    from ..guider import GuidanceStep


@frozen(kw_only=True, slots=False, field_transformer=checked)
class AdaptiveProjectedGuidance(ConditionalGuidance):
    """Guide less along the conditional prediction than across it, which keeps high scales from oversaturating.

    Attributes:
        adaptive_projected_guidance_momentum: share of the direction so far that is added to each step's; negative pushes away
            from it, as the paper proposes. None has no momentum.
        adaptive_projected_guidance_rescale: largest norm of the direction; 0 is no limit.
        adaptive_projected_guidance_norm_dim: dimensions over which norm and projection are taken; None is all but the first.
        eta: how much of the part along the conditional prediction is kept (1 is all of it).
    """

    adaptive_projected_guidance_momentum: Finite | None = None
    adaptive_projected_guidance_rescale: Limit = 15.0
    adaptive_projected_guidance_norm_dim: int | tuple[int, ...] | None = None
    eta: Finite = 1.0

    def guided(
        self, conditional: Tensor, unconditional: Tensor, step: GuidanceStep, memory: object
    ) -> tuple[Tensor, Any]:
        """Guide by algorithm 1 of the paper."""
        # Momentum before the limit (algorithm 1): what was gathered is limited, and not the single step.
        direction, memory = with_momentum(
            conditional - unconditional, self.adaptive_projected_guidance_momentum, memory
        )
        dims = self._dims(conditional.ndim)
        update = limited_and_projected(direction, conditional, self.adaptive_projected_guidance_rescale, self.eta, dims)
        return self.origin(conditional, unconditional) + self.scale(step) * update, memory

    def _dims(self, ndim: int) -> list[int]:
        dims = self.adaptive_projected_guidance_norm_dim
        if dims is None:
            return [-number for number in range(1, ndim)]
        named = [dims] if isinstance(dims, int) else list(dims)
        if len({dim % ndim for dim in named if -ndim <= dim < ndim}) < len(named):
            raise InputError(
                f"{type(self).__name__}: adaptive_projected_guidance_norm_dim: expected different dimensions of a prediction that "
                f"has {ndim} (0 to {ndim - 1}, or {-ndim} to -1), got {str(named)[:60]}."
            )
        return named


@frozen(kw_only=True, slots=False, field_transformer=checked)
class AdaptiveProjectedMixGuidance(ConditionalGuidance):
    """Classifier-free guidance in the first steps, adaptive projected guidance in the others, as HunyuanImage 2.1 has it.

    Attributes:
        guidance_scale: of the classifier-free steps.
        adaptive_projected_guidance_scale: of the others. adaptive_projected_guidance_start_step: the first of them is the one
            after this index. Momentum gathers from the first step on.
    """

    guidance_scale: Strength = field(default=3.5, converter=scale_of)
    adaptive_projected_guidance_scale: Strength = field(default=10.0, converter=scale_of)
    adaptive_projected_guidance_momentum: Finite | None = -0.5
    adaptive_projected_guidance_rescale: Limit = 10.0
    eta: Finite = 0.0
    adaptive_projected_guidance_start_step: int = 5

    def guided(
        self, conditional: Tensor, unconditional: Tensor, step: GuidanceStep, memory: object
    ) -> tuple[Tensor, Any]:
        """Return one of the two, by the step."""
        shift = conditional - unconditional
        direction, memory = with_momentum(shift, self.adaptive_projected_guidance_momentum, memory)
        origin = self.origin(conditional, unconditional)
        # Up to and including, as in diffusers' AdaptiveProjectedMixGuidance.
        if step.index <= self.adaptive_projected_guidance_start_step:
            return origin + self.scale(step) * shift, memory
        dims = [-number for number in range(1, conditional.ndim)]
        limit = self.adaptive_projected_guidance_rescale
        update = limited_and_projected(direction, conditional, limit, self.eta, dims)
        return origin + scale_at(self.adaptive_projected_guidance_scale, step) * update, memory


def with_momentum(direction: Tensor, momentum: float | None, memory: Any) -> tuple[Tensor, Any]:
    """Add a share of the direction so far (eq. 9); it is the memory, too."""
    if momentum is None:
        return direction, memory
    gathered = direction if memory is None else direction + momentum * memory
    return gathered, gathered


def limited_and_projected(direction: Tensor, conditional: Tensor, limit: float, eta: float, dims: list[int]) -> Tensor:
    """Scale a direction down to a norm (eq. 8), and weigh its part along the conditional prediction by `eta` (eq. 7)."""
    import torch

    if limit > 0:
        norm = direction.norm(p=2, dim=dims, keepdim=True)
        # A norm of 0 gives infinity, of which the minimum with 1 is 1: no epsilon is needed, which would change last
        # bits.
        direction = direction * torch.minimum(torch.ones_like(direction), limit / norm)
    along, across = projected(direction, conditional, dims)
    return across + eta * along
