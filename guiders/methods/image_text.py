"""Guidance by an image and a text, each with a strength of its own (Brooks et al. 2023, https://arxiv.org/abs/2211.09800)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ..guider import CONDITIONAL, GuidanceBranch, GuidanceStep
from ..scale_schedule import is_never, scale_at, scale_of
from ..setting_types import Strength
from ..written_settings import checked
from .conditional import ConditionalGuidance, rescaled

if TYPE_CHECKING:
    from torch import Tensor

_NOTHING = GuidanceBranch("unconditional", negative=True, without=frozenset({"image"}))
# Without the text alone: its difference from nothing is what the image says.
_IMAGE = GuidanceBranch("image", negative=True)


@frozen(kw_only=True, slots=False, field_transformer=checked)
class ImageTextGuidance(ConditionalGuidance):
    """`u + s_I (i - u) + s_T (t - i)`: from nothing to the image, and from the image to the text (eq. 3).

    For families whose contract has fields of the kind "image".

    Attributes:
        guidance_scale: strength of the text. image_guidance_scale: strength of the image.
    """

    image_guidance_scale: Strength = field(default=1.5, converter=scale_of)

    def branches(self, step: GuidanceStep) -> tuple[GuidanceBranch, ...]:
        """Return the predictions without anything, with the image, with both; fewer where a strength is 1."""
        if not (self.enabled and self.in_window(step)):
            return (CONDITIONAL,)
        by_text = not is_never(self.guidance_scale, 1.0)
        by_image = not is_never(self.image_guidance_scale, 1.0)
        if not (by_text or by_image):
            return (CONDITIONAL,)
        return (*((_NOTHING,) if by_image else ()), *((_IMAGE,) if by_text or by_image else ()), CONDITIONAL)

    @property
    def drops(self) -> frozenset[str]:
        """The image, in one of the predictions."""
        return _NOTHING.without

    @property
    def uses_negative(self) -> bool:
        """True if any step may need the text to be dropped."""
        return any(branch.negative for branch in self.branches(GuidanceStep(0, 1))) or self.start > 0.0

    def combine(
        self, predictions: Mapping[str, Tensor], step: GuidanceStep, memory: object = None
    ) -> tuple[Tensor, Any]:
        """Combine as the class says; a single prediction passes unchanged."""
        text, image, nothing = (predictions.get(name) for name in ("conditional", "image", "unconditional"))
        assert text is not None
        # Outside of the window there is one prediction.
        if image is None:
            return text, memory
        # Equation 3 begins at `u`; where the image has the strength 1, that is `i`.
        guided = (image if nothing is None else nothing) + self.scale(step) * (text - image)
        if nothing is not None:
            guided = guided + scale_at(self.image_guidance_scale, step) * (image - nothing)
        if self.guidance_rescale > 0.0:
            guided = rescaled(guided, text, self.guidance_rescale)
        return guided, memory
