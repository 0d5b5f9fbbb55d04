"""Guidance that the network was trained to have built in (Meng et al. 2022, https://arxiv.org/abs/2210.03142)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen, validators
from attrs.converters import optional

from .guider import CONDITIONAL, GuidanceBranch, GuidanceStep, Guider
from .inner_guider import check_guider, guider_or_given
from .perturbation import Perturbation
from .scale_schedule import scale_at, scale_of
from .setting_types import Strength
from .written_settings import checked

if TYPE_CHECKING:
    from torch import Tensor


_ALONE = (CONDITIONAL,)


@frozen(kw_only=True, slots=False, field_transformer=checked)
class EmbeddedGuidance(Guider):
    """Tell the network the strength: for distilled models (FLUX dev, latent consistency models).

    Attributes:
        guidance_scale: the number that it is told. Outside of the window it is told 1.
        guider: says which predictions there are, each with the strength, and combines them ("true" guidance of a distilled model);
            None for the one prediction. `guidance_scale=` of a call is the strength that the network is told.
    """

    guidance_scale: Strength = field(default=3.5, converter=scale_of)
    guider: Guider | None = field(
        default=None, converter=optional(guider_or_given), validator=validators.optional(check_guider)
    )

    @property
    def needs_noise_level(self) -> bool:  # type: ignore[override]  # the inner one's
        """Whether the inner guider wants the level of noise."""
        return self.guider is not None and self.guider.needs_noise_level

    @property
    def on_tokens(self) -> bool:  # type: ignore[override]  # the inner one's
        """Whether the inner guider works on tokens."""
        return self.guider is not None and self.guider.on_tokens

    @property
    def on_frames(self) -> bool:  # type: ignore[override]  # the inner one's
        """Whether the inner guider tells frames apart."""
        return self.guider is not None and self.guider.on_frames

    def needs_gradient(self, step: GuidanceStep) -> bool:
        """Return whether the inner guider needs gradients."""
        return self.guider is not None and self.guider.needs_gradient(step)

    @property
    def wanted_perturbations(self) -> tuple[Perturbation, ...]:
        """The perturbations that the inner guider asks for."""
        return () if self.guider is None else self.guider.wanted_perturbations

    @property
    def drops(self) -> frozenset[str]:
        """The kinds of conditioning that the inner guider leaves out."""
        return frozenset() if self.guider is None else self.guider.drops

    @property
    def uses_negative(self) -> bool:
        """True if the inner guider uses the negative conditioning."""
        return self.guider is not None and self.guider.uses_negative

    @property
    def config(self) -> dict[str, Any]:
        """Constructor arguments; of an inner guider its name and its own."""
        own = super().config
        if self.guider is None:
            del own["guider"]
            return own
        return {**own, "guider": {"_class_name": type(self.guider).__name__, **self.guider.config}}

    def branches(self, step: GuidanceStep) -> tuple[GuidanceBranch, ...]:
        """Return the predictions of the inner guider, or the one, with the strength."""
        # The network has to be told a number at every step; 1 is what its teacher's plain conditional prediction had.
        scale = scale_at(self.guidance_scale, step) if self.in_window(step) else 1.0
        inner = _ALONE if self.guider is None else self.guider.branches(step)
        # Not `evolve`, which reads the names of the fields at every step.
        return tuple(
            [GuidanceBranch(each.name, each.negative, each.perturbations, each.without, scale) for each in inner]
        )

    def combine(
        self,
        predictions: Mapping[str, Tensor],
        step: GuidanceStep,
        memory: object = None,
    ) -> tuple[Tensor, Any]:
        """Return the prediction itself, or what the inner guider makes of several."""
        if self.guider is not None:
            return self.guider.combine(predictions, step, memory)
        return predictions["conditional"], memory
