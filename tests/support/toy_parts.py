"""A block that takes parts, and parts for it."""

from __future__ import annotations

from typing import Any, ClassVar

from brickwork import Block, Outputs
from brickwork.blocks import component, config
from brickwork.blocks.core.part import BlockPart


class Scale:
    """A component that holds a number."""

    def __init__(self, by: int = 2) -> None:
        self.by = by


class Factor(BlockPart):
    """Multiply by what a component holds."""

    scale: Scale = component(doc="Holds a factor.")
    rounded: bool = config(False)

    def prepare(self, x: int, power: int = 1) -> int:
        return int(self.scale.by**power) * (1 if x else 0)


class Offset(BlockPart):
    """Add a number."""

    def prepare(self, offset: int) -> int:
        return offset


class Changed(Block):
    """Change a number by all parts."""

    takes_parts: ClassVar[bool] = True

    class Out(Outputs):
        y: int

    def run(self, x: int, **of_parts: Any) -> Out:
        values = {"x": x, **of_parts}
        found = [part.prepared(values) for part in self.bound_parts]
        return self.Out(y=sum(found, x))


class WithBoth(Changed):
    """Change a number by a factor and an offset."""

    parts = [Factor, Offset]
