"""Guiders of all four bases, and a score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from attrs import frozen
from torch import Tensor

from brickwork import Guider
from brickwork.guiders import (
    ConditionalGuidance,
    GuidanceAround,
    GuidanceBranch,
    GuidanceStep,
    NoiseLevel,
    Perturbation,
    PerturbedGuidance,
)


@frozen(kw_only=True, slots=False)
class Steady(ConditionalGuidance):
    """Classifier-free guidance along a direction that changes slowly.

    Attributes:
        keep: fraction of the direction so far, 0 to 1.
    """

    keep: float = 0.5

    def guided(self, conditional: Tensor, unconditional: Tensor, step: GuidanceStep, memory: Any) -> tuple[Tensor, Any]:
        direction = conditional - unconditional
        if memory is not None:
            direction = self.keep * memory + (1 - self.keep) * direction
        return self.origin(conditional, unconditional) + self.scale(step) * direction, direction


@frozen(kw_only=True, slots=False)
class WithoutFeedForward(PerturbedGuidance):
    """Guidance away from a network without the feed-forward layer of one block."""

    strength: float = 2.0
    perturbed_window = (0.0, 1.0)

    @property
    def perturbed_scale(self) -> float:
        return self.strength

    def perturbations(self, step: GuidanceStep) -> tuple[Perturbation, ...]:
        return (Perturbation("feed-forward", layers=(2,)),)


@frozen(kw_only=True, slots=False)
class Bounded(GuidanceAround):
    """Keep the clean sample within bounds."""

    bound: float = 1.5

    def corrected(
        self, predictions: Mapping[str, Tensor], step: GuidanceStep, noise: NoiseLevel, memory: Any
    ) -> tuple[Tensor, Any]:
        guided, memory = self.inner.combine(predictions, step, memory)
        return noise.prediction_of(noise.sample_of(guided).clamp(-self.bound, self.bound)), memory


@frozen(kw_only=True, slots=False)
class Alternate(Guider):
    """The conditional prediction in even steps, the mean of both in odd ones."""

    uses_negative = True

    def branches(self, step: GuidanceStep) -> tuple[Any, ...]:
        both = (GuidanceBranch("conditional"), GuidanceBranch("unconditional", negative=True))
        return both if step.index % 2 and self.in_window(step) else both[:1]

    def combine(self, predictions: Mapping[str, Tensor], step: GuidanceStep, memory: Any = None) -> tuple[Tensor, Any]:
        return torch.stack(list(predictions.values())).mean(dim=0), memory


def left_is_bright(samples: Tensor, step: GuidanceStep) -> Tensor:
    return samples[..., : samples.shape[-1] // 2].mean(dim=(1, 2, 3))
