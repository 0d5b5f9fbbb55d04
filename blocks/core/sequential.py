"""Blocks one after the other."""

from __future__ import annotations

from typing import ClassVar

from ...engine import Node
from ...state import CompositionError
from .base import ModularPipelineBlocks
from .container import Container
from .flattening import Flattening, joined
from .interface import description_of


class SequentialPipelineBlocks(Container):
    """Runs its blocks in the order of their names.

    Example:
        >>> blocks = SequentialPipelineBlocks.from_blocks_dict({"prepare": Prepare, "decode": Decode})
        >>> list(blocks.sub_blocks)
        ['prepare', 'decode']
    """

    _is_framework_base: ClassVar[bool] = True

    def decided(self, flattening: Flattening) -> ModularPipelineBlocks:
        """Return blocks in a row with their choices decided; a subclass that makes steps of its own stays as it is."""
        if type(self).steps is not SequentialPipelineBlocks.steps:
            return super().decided(flattening)
        result = SequentialPipelineBlocks()
        result.description = description_of(self)
        result.sub_blocks = self.decided_parts(flattening)
        return result if result.sub_blocks else SequentialPipelineBlocks()

    def steps(self, flattening: Flattening, path: str) -> list[Node]:
        """Return the steps of all blocks."""
        if not self.sub_blocks:
            raise CompositionError(f"{path or type(self).__name__} is empty: it has no blocks to run.")
        return [step for name, block in self.sub_blocks.items() for step in block.steps(flattening, joined(path, name))]
