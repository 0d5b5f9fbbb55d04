"""Tangential damping classifier-free guidance (Kwon et al. 2025, https://arxiv.org/abs/2503.18137)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..written_settings import checked
from .classifier_free import ClassifierFreeGuidance

if TYPE_CHECKING:
    from torch import Tensor

    from ..guider import GuidanceStep


@frozen(kw_only=True, slots=False, field_transformer=checked)
class TangentialClassifierFreeGuidance(ClassifierFreeGuidance):
    """Keep of the unconditional prediction only what lies in the direction that both predictions share."""

    def guided(
        self, conditional: Tensor, unconditional: Tensor, step: GuidanceStep, memory: object
    ) -> tuple[Tensor, Any]:
        """Guide by algorithm 1 of the paper."""
        return super().guided(conditional, damped(conditional, unconditional), step, memory)


def damped(conditional: Tensor, unconditional: Tensor) -> Tensor:
    """Project the unconditional prediction onto the first right singular vector of the two.

    Of two rows c and u, that vector is `(w1 c + w2 u) / sigma`, where w is the first eigenvector of the 2x2 matrix of their products; what
    the projection keeps of u is then `w2 (w1 c + w2 u)`. A singular value decomposition, as in diffusers, gives the same but for rounding, and
    makes the host wait for the device. Where both are of one length and across each other, every direction is shared alike, and half of u is kept.
    """
    import torch

    # In float32: sums of half precision overflow.
    one, other = conditional.flatten(1).float(), unconditional.flatten(1).float()
    cross = 2.0 * (one * other).sum(dim=1, keepdim=True)
    difference = (one * one).sum(dim=1, keepdim=True) - (other * other).sum(dim=1, keepdim=True)
    # Sine and cosine of twice the angle between w and (1, 0).
    length = torch.hypot(difference, cross).clamp_min(torch.finfo(torch.float32).tiny)
    sine, cosine = cross / length, difference / length
    kept = 0.5 * sine * one + 0.5 * (1.0 - cosine) * other
    return kept.reshape(unconditional.shape).to(conditional.dtype)
