"""MAMBO-G, magnitude-aware guidance (2025, https://arxiv.org/abs/2508.03442)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ..scale_schedule import scale_of
from ..setting_types import Finite, Strength
from ..written_settings import checked
from .conditional import ConditionalGuidance

if TYPE_CHECKING:
    from torch import Tensor

    from ..guider import GuidanceStep


@frozen(kw_only=True, slots=False, field_transformer=checked)
class MagnitudeAwareGuidance(ConditionalGuidance):
    """Guide less where the two predictions are far apart for their size, as they are in the first steps.

    Attributes:
        alpha: how fast the strength falls with that ratio.
    """

    guidance_scale: Strength = field(default=10.0, converter=scale_of)
    alpha: Finite = 8.0

    def guided(
        self, conditional: Tensor, unconditional: Tensor, step: GuidanceStep, memory: object
    ) -> tuple[Tensor, Any]:
        """Guide with `exp(-alpha |c - u| / |u|)` of what is above the neutral scale, for each image."""
        import torch

        dims = list(range(1, conditional.ndim))
        shift = conditional - unconditional
        # Of all three dimensions at once: diffusers' torch.norm knows matrices only, and fails on images.
        norm = torch.linalg.vector_norm
        ratio = norm(shift, dim=dims, keepdim=True) / norm(unconditional, dim=dims, keepdim=True)
        neutral = self.neutral_scale
        scale = neutral + (self.scale(step) - neutral) * torch.exp(-self.alpha * ratio)
        return self.origin(conditional, unconditional) + scale * shift, memory
