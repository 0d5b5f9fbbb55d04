"""Guidance that the network was trained to have built in (Meng et al. 2022, https://arxiv.org/abs/2210.03142)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from .guider import CONDITIONAL, GuidanceBranch, GuidanceStep, Guider
from .scale_schedule import scale_at, scale_of
from .setting_types import Strength
from .written_settings import checked

if TYPE_CHECKING:
    from torch import Tensor


@frozen(kw_only=True, slots=False, field_transformer=checked)
class EmbeddedGuidance(Guider):
    """Tell the network the strength, and call it once: for distilled models (FLUX dev, latent consistency models).

    Attributes:
        guidance_scale: the number that it is told. Outside of the window it is told 1.
    """

    guidance_scale: Strength = field(default=3.5, converter=scale_of)

    @property
    def uses_negative(self) -> bool:
        """Never."""
        return False

    def branches(self, step: GuidanceStep) -> tuple[GuidanceBranch, ...]:
        """Return one prediction, with the strength."""
        # The network has to be told a number at every step; 1 is what its teacher's plain conditional prediction had.
        scale = scale_at(self.guidance_scale, step) if self.in_window(step) else 1.0
        return (evolve(CONDITIONAL, embedded_scale=scale),)

    def combine(
        self,
        predictions: Mapping[str, Tensor],
        step: GuidanceStep,  # noqa: ARG002 - the protocol gives it
        memory: object = None,
    ) -> tuple[Tensor, Any]:
        """Return the prediction itself."""
        return predictions["conditional"], memory
