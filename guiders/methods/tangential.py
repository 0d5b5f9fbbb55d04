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

    On the host by a singular value decomposition, as diffusers does, bit for bit. On a device that would make the host wait, and there it is
    computed in closed form.
    """
    return (by_decomposition if conditional.device.type == "cpu" else in_closed_form)(conditional, unconditional)


def by_decomposition(conditional: Tensor, unconditional: Tensor) -> Tensor:
    """Return what `damped` says."""
    import torch

    # In float32: half precision has no singular value decomposition in torch.
    both = torch.stack([conditional, unconditional], dim=1).float().flatten(2)
    _, _, directions = torch.linalg.svd(both, full_matrices=False)
    flat = unconditional.flatten(1).unsqueeze(1).float()
    shared = directions.clone()
    shared[:, 1] = 0
    kept = torch.matmul(torch.matmul(flat, directions.transpose(-2, -1)), shared)
    return kept.reshape(unconditional.shape).to(conditional.dtype)


def in_closed_form(conditional: Tensor, unconditional: Tensor) -> Tensor:
    """Return what `damped` says, but for rounding (2e-5 of values of about 1), and nearer to the value in double precision.

    Of two rows c and u, the vector is `(w1 c + w2 u) / sigma`, where w is the first eigenvector of the 2x2 matrix of their products; what
    the projection keeps of u is then `w2 (w1 c + w2 u)`. Where both are of one length and across each other, every direction is shared alike, and
    half of u is kept.
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
