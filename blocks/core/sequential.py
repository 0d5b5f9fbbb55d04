"""Blocks one after the other."""

from __future__ import annotations

from typing import ClassVar

from ...engine import Step
from ...state import CompositionError
from .container import Container
from .flattening import Flattening, joined


class SequentialPipelineBlocks(Container):
    """Runs its blocks in the order of their names.

    Example:
        >>> blocks = SequentialPipelineBlocks.from_blocks_dict({"prepare": Prepare, "decode": Decode})
        >>> list(blocks.sub_blocks)
        ['prepare', 'decode']
    """

    _says_nothing: ClassVar[bool] = True

    def steps(self, flattening: Flattening, path: str) -> list[Step]:
        """The steps of all blocks."""
        if not self.sub_blocks:
            raise CompositionError(f"{path or type(self).__name__} is empty: it has no blocks to run.")
        return [step for name, block in self.sub_blocks.items() for step in block.steps(flattening, joined(path, name))]
