"""What is expected of the steps of a run."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen


@frozen
class Foreseen:
    """What is expected of a step.

    Attributes:
        names: components that are there during it. components: their bytes. beside: bytes of values and workspace, as far as
            they were measured. layers: how components come of which there is only a part at once, in words by name. device: where it
            computes, if there are several.
    """

    path: str
    names: frozenset[str]
    components: int
    beside: int
    layers: Mapping[str, str] = {}
    device: str = ""

    @property
    def total(self) -> int:
        """Bytes in all."""
        return self.components + self.beside
