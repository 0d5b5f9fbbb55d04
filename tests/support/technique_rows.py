"""Every technique of the package once, with the component that it is tried on: the rows of what holds of each."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from brickwork.adapters.techniques import (
    AttentionBackend,
    AttentionSlicing,
    ChannelsLast,
    ChunkedFeedForward,
    Compile,
    FreeU,
    FusedProjections,
    SlicedDecoding,
    Technique,
    TiledDecoding,
)


@frozen
class Row:
    """A technique, and where it is tried.

    Attributes:
        family: of the tiny models. bits: at the sizes of the tests it gives the same bits as without.
    """

    technique: Technique
    component: str
    family: Literal["sdxl", "flux"] = "sdxl"
    bits: bool = False

    @property
    def name(self) -> str:
        """Its class."""
        return type(self.technique).__name__


ROWS = (
    Row(AttentionBackend(backend="native"), "transformer", "flux", bits=True),
    Row(AttentionSlicing(slice_size=1), "unet"),
    Row(ChannelsLast(), "unet"),
    Row(ChunkedFeedForward(), "unet"),
    Row(Compile(backend="eager"), "unet", bits=True),
    Row(FreeU(s1=0.5), "unet"),
    Row(FusedProjections(), "unet"),
    Row(SlicedDecoding(), "vae", bits=True),
    Row(TiledDecoding(), "vae", bits=True),
)
