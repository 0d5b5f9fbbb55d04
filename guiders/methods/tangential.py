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
    """Project the unconditional prediction onto the first right singular vector of the two."""
    import torch

    # In float32: half precision has no singular value decomposition in torch.
    both = torch.stack([conditional, unconditional], dim=1).float().flatten(2)
    _, _, directions = torch.linalg.svd(both, full_matrices=False)
    flat = unconditional.flatten(1).unsqueeze(1).float()
    shared = directions.clone()
    shared[:, 1] = 0
    kept = torch.matmul(torch.matmul(flat, directions.transpose(-2, -1)), shared)
    return kept.reshape(unconditional.shape).to(conditional.dtype)
