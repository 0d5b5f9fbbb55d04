"""Guiders around another one: they work on the clean samples that its predictions mean."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

from attrs import evolve, field, frozen

from ...state import InputError
from ...state.errors import with_article
from ..guider import GuidanceBranch, GuidanceStep, Guider
from ..guider_file import guider_of
from ..inner_guider import check_guider, guider_or_given
from ..noise_level import NoiseLevel
from ..perturbation import Perturbation
from ..written_settings import checked, naming
from .classifier_free import ClassifierFreeGuidance

if TYPE_CHECKING:
    import attrs
    from torch import Tensor


def _check_guider(made: object, field: attrs.Attribute[Any], value: object) -> None:
    check_guider(made, field, value)
    if guider_of(value).on_tokens:
        with naming(type(made), field.name):
            raise InputError(
                f"it is {with_article(type(value).__name__)}, which works on tokens, and not on clean samples"
            )


@frozen(kw_only=True, slots=False, field_transformer=checked)
class GuidanceAround(Guider, is_base=True):
    """Base: another guider says which predictions there are. Define `corrected`.

    Attributes:
        guider: the inner one, a name of one, or its configuration. start, stop: the window of what is added to it, whose
            own window stays. enabled: False turns both off.
    """

    guider: Guider = field(factory=ClassifierFreeGuidance, converter=guider_or_given, validator=_check_guider)

    needs_noise_level: ClassVar[bool] = True

    @property
    def on_frames(self) -> bool:  # type: ignore[override]  # the inner one's
        """Whether the inner guider tells frames apart."""
        return self.guider.on_frames

    @cached_property
    def inner(self) -> Guider:
        """The inner guider, off if this one is."""
        # Only to turn it off: what is added outside of the window is nothing, and the inner guider has a window of
        # its own.
        return self.guider if self.enabled else evolve(self.guider, enabled=False)

    def branches(self, step: GuidanceStep) -> tuple[GuidanceBranch, ...]:
        """Return the branches of the inner guider."""
        return self.inner.branches(step)

    @property
    def uses_negative(self) -> bool:
        """True if the inner guider uses the negative conditioning."""
        return self.inner.uses_negative

    @property
    def wanted_perturbations(self) -> tuple[Perturbation, ...]:
        """The perturbations that the inner guider asks for."""
        return self.inner.wanted_perturbations

    @property
    def drops(self) -> frozenset[str]:
        """The kinds of conditioning that the inner guider leaves out."""
        return self.inner.drops

    def with_scale(self, guidance_scale: float) -> Self:
        """Return a copy whose inner guider has another scale."""
        return evolve(self, guider=self.guider.with_scale(guidance_scale))

    def as_asked(self, guidance_scale: float) -> Self:
        """Return a copy whose inner guider is as the call asks."""
        return evolve(self, guider=self.guider.as_asked(guidance_scale))

    def combine(self, predictions: Mapping[str, Tensor], step: GuidanceStep, memory: Any = None) -> tuple[Tensor, Any]:
        """Return what the inner guider makes of it, corrected where the step lies in the window.

        Raises:
            InputError: the step comes without its level of noise.
        """
        if not self.in_window(step):
            return self.inner.combine(predictions, step, memory)
        if step.noise is None:
            raise InputError(
                f"{type(self).__name__} needs to know the level of noise, which a loop of ours (Denoise) tells it: "
                "GuidanceStep(index, count, noise=NoiseLevel(...))."
            )
        return self.corrected(predictions, step, step.noise, memory)

    def corrected(
        self, predictions: Mapping[str, Tensor], step: GuidanceStep, noise: NoiseLevel, memory: Any
    ) -> tuple[Tensor, Any]:
        """Return the guided prediction `[b c h w]`, and the memory for the next step."""
        raise NotImplementedError(f"{type(self).__name__} must define corrected(predictions, step, noise, memory).")

    @property
    def config(self) -> dict[str, Any]:
        """Constructor arguments; of the inner guider its name and its own."""
        inner = {"_class_name": type(self.guider).__name__, **self.guider.config}
        return {**super().config, "guider": inner}
