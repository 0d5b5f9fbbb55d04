"""What all guiders share that move from a negative prediction towards the positive one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from attrs import field, frozen

from ..guider import CONDITIONAL, UNCONDITIONAL, GuidanceBranch, GuidanceStep, Guider
from ..scale_schedule import is_never, scale_at, scale_of
from ..setting_types import Share, Strength
from ..written_settings import checked

if TYPE_CHECKING:
    from torch import Tensor

_GUIDED = (UNCONDITIONAL, CONDITIONAL)
_PLAIN = (CONDITIONAL,)


@frozen(kw_only=True, slots=False, field_transformer=checked)
class ConditionalGuidance(Guider, is_base=True):
    """Base of guiders with a conditional and an unconditional prediction. Define `guided`.

    Attributes:
        guidance_scale: strength. In the usual formulation 1 means none; in the original one 0 does. A list has one for each
            step; a function takes the progress of the loop, 0 to 1.
        guidance_rescale: 0 to 1; how far to bring the deviation back to the conditional prediction's, against
            overexposure (Lin et al. 2023, https://arxiv.org/abs/2305.08891, section 3.4).
        use_original_formulation: begin at the conditional prediction, as in the paper on classifier-free guidance (eq. 6),
            instead of the unconditional one, as in Imagen and most code.
    """

    guidance_scale: Strength = field(default=7.5, converter=scale_of)
    guidance_rescale: Share = 0.0
    use_original_formulation: bool = False

    @property
    def neutral_scale(self) -> float:
        """The strength that changes nothing."""
        return 0.0 if self.use_original_formulation else 1.0

    @cached_property
    def uses_negative(self) -> bool:
        """True if the scale asks for guidance at some step, and some step lies in the window."""
        return self.enabled and self.start < self.stop and not is_never(self.guidance_scale, self.neutral_scale)

    def as_asked(self, guidance_scale: float) -> Self:
        """Return the guider with the call's scale; one at or below the neutral scale means no guidance.

        As in the classic pipelines (`do_classifier_free_guidance`): by the formula, 0 would be the unconditional prediction, and the
        pages of distilled models say 0.0 for "no guidance".
        """
        return self.with_scale(max(guidance_scale, self.neutral_scale))

    def is_guided(self, step: GuidanceStep) -> bool:
        """Return whether a step needs the unconditional prediction."""
        if not (self.uses_negative and self.in_window(step)):
            return False
        scale = self.guidance_scale
        # A plain number was looked at once, for all steps; this is asked at every step.
        return scale.__class__ is float or not math.isclose(scale_at(scale, step), self.neutral_scale)

    def branches(self, step: GuidanceStep) -> tuple[GuidanceBranch, ...]:
        """Return the unconditional and the conditional prediction; where the step is not guided only the latter."""
        return _GUIDED if self.is_guided(step) else _PLAIN

    def combine(self, predictions: Mapping[str, Tensor], step: GuidanceStep, memory: Any = None) -> tuple[Tensor, Any]:
        """Guide, and rescale; a single prediction passes unchanged."""
        conditional = predictions["conditional"]
        if "unconditional" not in predictions:
            return conditional, memory
        guided, memory = self.guided(conditional, predictions["unconditional"], step, memory)
        if self.guidance_rescale > 0.0:
            guided = rescaled(guided, conditional, self.guidance_rescale)
        return guided, memory

    def guided(self, conditional: Tensor, unconditional: Tensor, step: GuidanceStep, memory: Any) -> tuple[Tensor, Any]:
        """Return the guided prediction `[b c h w]`, and the memory for the next step."""
        raise NotImplementedError(
            f"{type(self).__name__} must define guided(conditional, unconditional, step, memory)."
        )

    def scale(self, step: GuidanceStep) -> float:
        """Return the strength at a step."""
        return scale_at(self.guidance_scale, step)

    def origin(self, conditional: Tensor, unconditional: Tensor) -> Tensor:
        """Return where guidance begins, by the formulation."""
        return conditional if self.use_original_formulation else unconditional


def rescaled(guided: Tensor, conditional: Tensor, amount: float) -> Tensor:
    """Bring each image's deviation towards that of the conditional prediction (2305.08891, eqs. 15 and 16)."""
    # Over all but the batch, so that an image in a batch is rescaled as it is alone.
    dims = list(range(1, guided.ndim))
    deviation = conditional.std(dim=dims, keepdim=True) / guided.std(dim=dims, keepdim=True)
    return amount * (guided * deviation) + (1 - amount) * guided


def projected(vector: Tensor, onto: Tensor, dims: list[int], in_double: bool = True) -> tuple[Tensor, Tensor]:
    """Split a vector into its parts along another one and across it; in double precision, as small angles matter."""
    import torch

    # Metal has no double precision.
    wide = torch.float64 if in_double and vector.device.type != "mps" else torch.float32
    direction = torch.nn.functional.normalize(onto.to(wide), dim=dims)  # type: ignore[arg-type]  # torch takes several
    along = (vector.to(wide) * direction).sum(dim=dims, keepdim=True) * direction
    return along.to(vector.dtype), (vector.to(wide) - along).to(vector.dtype)
