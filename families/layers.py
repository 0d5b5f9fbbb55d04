"""Layers of a denoiser that can be looked at, skipped and perturbed."""

from __future__ import annotations

from typing import Any

from attrs import frozen


@frozen
class Layer:
    """A transformer block of a denoiser.

    Attributes:
        path: in the denoiser. returns: names of the inputs that it gives back changed, in the order of its results.
        attention: the same of its attention, where that gives back several in another order than the reverse.
        has_scores: its attention compares tokens with one another, which linear attention does not.
    """

    path: str
    module: Any
    returns: tuple[str, ...] = ("hidden_states",)
    attention: tuple[str, ...] = ()
    has_scores: bool = True
