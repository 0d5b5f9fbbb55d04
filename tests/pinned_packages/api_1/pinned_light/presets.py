"""A family that knows small images alone, and compositions."""

from __future__ import annotations

from typing import Any

from attrs import asdict, frozen

from brickwork.families.sdxl import SDXL, SDXLContract
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS

from .blocks import Warm


@frozen
class SmallContract(SDXLContract):
    """A checkpoint that was trained on small images."""

    def size_fault(self, name: str, size: Any) -> str | None:
        if isinstance(size, int) and size > 64:
            return f"{name} is {size}; this checkpoint knows 64 pixels at most."
        return super().size_fault(name, size)


SMALL = SmallContract(**{**asdict(SDXL, recurse=False), "name": "pinned-small", "prefix": "Small"})
SMALL_BLOCKS = {name: block.bound_from.bind(SMALL) for name, block in TEXT2IMAGE_BLOCKS.items()}
SOFT_BLOCKS = {**TEXT2IMAGE_BLOCKS, "warm": Warm}
