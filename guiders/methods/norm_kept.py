"""Classifier-free guidance whose result is as long as the conditional prediction (Qwen-Image, https://arxiv.org/abs/2508.02324)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen

from ..written_settings import checked
from .classifier_free import ClassifierFreeGuidance

if TYPE_CHECKING:
    from torch import Tensor

    from ..guider import GuidanceStep


@frozen(kw_only=True, slots=False, field_transformer=checked)
class NormKeptGuidance(ClassifierFreeGuidance):
    """Guide, and give each token the length that it has in the conditional prediction: `g |c| / |g|`.

    As `pipeline_qwenimage.py` of diffusers has it, along the numbers of a token; so only transformers take it.

    Example:
        >>> guider = NormKeptGuidance(guidance_scale=2.0)
        >>> tokens = {"unconditional": torch.tensor([[[0.0, 1.0]]]), "conditional": torch.tensor([[[1.0, 1.0]]])}
        >>> guided, _ = guider.combine(tokens, GuidanceStep(0, 10))
        >>> float(guided.norm()) == float(tokens["conditional"].norm())
        True
    """

    on_tokens: ClassVar[bool] = True

    def guided(
        self, conditional: Tensor, unconditional: Tensor, step: GuidanceStep, memory: object
    ) -> tuple[Tensor, Any]:
        """Guide `[b tokens width]`, and take each token's length back."""
        import torch

        guided, memory = super().guided(conditional, unconditional, step, memory)
        before = torch.norm(conditional, dim=-1, keepdim=True)
        after = torch.norm(guided, dim=-1, keepdim=True)
        return guided * (before / after), memory
