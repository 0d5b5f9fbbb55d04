"""Frequency-decoupled guidance (Sadat et al. 2025, https://arxiv.org/abs/2506.19713)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

from ...state import InputError
from ..guider import CONDITIONAL, UNCONDITIONAL, GuidanceBranch, GuidanceStep, Guider
from ..scale_schedule import is_never, scale_at, scale_of
from ..setting_types import FiniteOrNonePerLevel, SharePerLevel, Strengths
from ..written_settings import checked
from .conditional import projected, rescaled
from .pyramid import laplacian_pyramid, sum_of_pyramid

if TYPE_CHECKING:
    from torch import Tensor


def _scales_of(given: object) -> Any:
    return tuple(map(scale_of, given)) if isinstance(given, (list, tuple)) else given


def _per_level(given: object) -> Any:
    return tuple(given) if isinstance(given, (list, tuple)) else given


@frozen(kw_only=True, slots=False, field_transformer=checked)
class FrequencyDecoupledGuidance(Guider):
    """Guide each band of frequencies by its own strength; low strength for low frequencies keeps colours natural.

    Attributes:
        guidance_scales: one for each level of a Laplacian pyramid, from high frequencies to low.
        guidance_rescale, parallel_weights, start, stop: one for all levels, or one for each.
        guidance_rescale_space: "data" rescales the result (by the first level's amount), "freq" every level.
        parallel_weights: how much of a level's direction along the conditional prediction is kept.
        upcast_to_double: split directions in double precision.
    """

    guidance_scales: Strengths = field(default=(10.0, 5.0), converter=_scales_of)
    guidance_rescale: SharePerLevel = field(default=0.0, converter=_per_level)
    parallel_weights: FiniteOrNonePerLevel = field(default=None, converter=_per_level)
    use_original_formulation: bool = False
    start: SharePerLevel = field(default=0.0, converter=_per_level)
    stop: SharePerLevel = field(default=1.0, converter=_per_level)
    guidance_rescale_space: Literal["data", "freq"] = "data"
    upcast_to_double: bool = True

    def __attrs_post_init__(self) -> None:
        levels = len(self.guidance_scales)
        faults = []
        for name in ("guidance_rescale", "parallel_weights", "start", "stop"):
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != levels:
                faults.append(f"{name} has {len(value)} numbers for {levels} levels of guidance_scales.")
        if not faults and not all(a <= b for a, b in self._windows):
            faults.append(
                f"start={self.start} and stop={self.stop} are fractions of the steps, with 0 <= start <= stop <= 1."
            )
        if faults:
            name = type(self).__name__
            raise InputError.of(f"{name} cannot be made", [f"{name}: {fault}" for fault in faults])

    @cached_property
    def _windows(self) -> tuple[tuple[float, float], ...]:
        levels = len(self.guidance_scales)
        starts, stops = (_spread(value, levels) for value in (self.start, self.stop))
        return tuple(zip(starts, stops, strict=True))

    @property
    def neutral_scale(self) -> float:
        """The strength that changes nothing."""
        return 0.0 if self.use_original_formulation else 1.0

    @cached_property
    def uses_negative(self) -> bool:
        """True if some level is guided at some step."""
        neutral = self.neutral_scale
        some = any(a < b for a, b in self._windows)
        return self.enabled and some and not all(is_never(scale, neutral) for scale in self.guidance_scales)

    def branches(self, step: GuidanceStep) -> tuple[GuidanceBranch, ...]:
        """Return both predictions where some level is guided."""
        guided = self.uses_negative and any(step.is_within(*window) for window in self._windows)
        return (UNCONDITIONAL, CONDITIONAL) if guided else (CONDITIONAL,)

    def combine(
        self, predictions: Mapping[str, Tensor], step: GuidanceStep, memory: object = None
    ) -> tuple[Tensor, Any]:
        """Guide the levels of both pyramids, and sum them up: algorithm 1 of the paper.

        A level outside of its window keeps the conditional prediction's own band.
        """
        conditional = predictions["conditional"]
        if "unconditional" not in predictions:
            return conditional, memory
        levels = len(self.guidance_scales)
        pairs = zip(
            laplacian_pyramid(conditional, levels), laplacian_pyramid(predictions["unconditional"], levels), strict=True
        )
        bands = [self._band(number, one, other, step) for number, (one, other) in enumerate(pairs)]
        guided = sum_of_pyramid(bands)
        # Of the first level, as in diffusers (frequency_decoupled_guidance.py, 0.42.1).
        amount = _spread(self.guidance_rescale, levels)[0]
        if self.guidance_rescale_space == "data" and amount > 0.0:
            guided = rescaled(guided, conditional, amount)
        return guided, memory

    def _band(self, level: int, conditional: Tensor, unconditional: Tensor, step: GuidanceStep) -> Tensor:
        if not step.is_within(*self._windows[level]):
            return conditional
        levels = len(self.guidance_scales)
        shift = conditional - unconditional
        weight = 1.0 if self.parallel_weights is None else _spread(self.parallel_weights, levels)[level]
        if not math.isclose(weight, 1.0):
            along, across = projected(shift, conditional, list(range(1, shift.ndim)), self.upcast_to_double)
            shift = weight * along + across
        origin = conditional if self.use_original_formulation else unconditional
        guided = origin + scale_at(self.guidance_scales[level], step) * shift
        amount = _spread(self.guidance_rescale, levels)[level]
        if self.guidance_rescale_space == "freq" and amount > 0.0:
            guided = rescaled(guided, conditional, amount)
        return guided

    def with_scale(self, guidance_scale: float) -> FrequencyDecoupledGuidance:
        """Return a copy with one scale for all levels."""
        from attrs import evolve

        return evolve(self, guidance_scales=(guidance_scale,) * len(self.guidance_scales))

    def as_asked(self, guidance_scale: float) -> FrequencyDecoupledGuidance:
        """Return a copy with the call's scale; one at or below the neutral scale means no guidance."""
        return self.with_scale(max(guidance_scale, self.neutral_scale))


def _spread(value: object, levels: int) -> Sequence[Any]:
    return value if isinstance(value, tuple) else (value,) * levels
