"""Classifier-free guidance whose strength grows from frame to frame (Blattmann et al. 2023, https://arxiv.org/abs/2311.15127, appendix D)."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import field, frozen

from ...state import InputError
from ..scale_schedule import is_never, scale_at, scale_of
from ..setting_types import Strength
from ..written_settings import checked
from .classifier_free import ClassifierFreeGuidance

if TYPE_CHECKING:
    from torch import Tensor

    from ..guider import GuidanceStep

_FRAMES = 2
"""The dimension of frames in `[b c f h w]`."""


@frozen(kw_only=True, slots=False, field_transformer=checked)
class FrameScaledGuidance(ClassifierFreeGuidance):
    """Guide each frame of a video by a strength of its own: from that of the first frame evenly to that of the last.

    Attributes:
        guidance_scale: strength at the last frame. first_frame_scale: strength at the first one, which follows the given image already.

    Example:
        >>> guider = FrameScaledGuidance(guidance_scale=3.0, first_frame_scale=1.0)
        >>> one, two = torch.ones(1, 1, 3, 1, 1), torch.full((1, 1, 3, 1, 1), 2.0)
        >>> guider.combine({"unconditional": one, "conditional": two}, GuidanceStep(0, 10))[0].flatten()
        tensor([2., 3., 4.])
    """

    on_frames: ClassVar[bool] = True

    guidance_scale: Strength = field(default=3.0, converter=scale_of)
    first_frame_scale: Strength = field(default=1.0, converter=scale_of)

    @cached_property
    def uses_negative(self) -> bool:
        """True if some frame is guided at some step, and some step lies in the window."""
        scales = (self.guidance_scale, self.first_frame_scale)
        never = all(is_never(scale, self.neutral_scale) for scale in scales)
        return self.enabled and self.start < self.stop and not never

    def is_guided(self, step: GuidanceStep) -> bool:
        """Return whether some frame is guided at a step."""
        scales = (self.guidance_scale, self.first_frame_scale)
        is_any = any(scale_at(scale, step) != self.neutral_scale for scale in scales)
        return is_any and self.uses_negative and self.in_window(step)

    def guided(
        self, conditional: Tensor, unconditional: Tensor, step: GuidanceStep, memory: object
    ) -> tuple[Tensor, Any]:
        """Guide `[b c f h w]`, each frame by its own strength."""
        import torch

        if conditional.ndim <= _FRAMES + 2:
            raise InputError(
                f"{type(self).__name__} guides videos [b c f h w], and was given a prediction of the shape {list(conditional.shape)}."
            )
        count = conditional.shape[_FRAMES]
        scales = torch.linspace(scale_at(self.first_frame_scale, step), self.scale(step), count)
        # In the number format of the prediction, as in the classic pipeline.
        each = scales.to(conditional.device, conditional.dtype).view(-1, 1, 1)
        return self.origin(conditional, unconditional) + each * (conditional - unconditional), memory
