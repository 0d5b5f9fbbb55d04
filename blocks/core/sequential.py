"""Blocks one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from ...engine import Node
from ...state import CompositionError
from .base import ModularPipelineBlocks
from .container import Container, assigns, sub_blocks_of
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

    def decided_for(self, names: Iterable[str], values: Mapping[str, object]) -> ModularPipelineBlocks:
        """Return the blocks that run when these inputs are given; one row where workflows are named as in diffusers."""
        found = super().decided_for(names, values)
        return in_one_row(found) if self._workflow_map else found

    def assigns(self, name: str) -> bool:
        """Return whether a block in it, which is sure to run, assigns an input anew."""
        is_plain = type(self).steps is SequentialPipelineBlocks.steps
        return is_plain and any(assigns(block, name) for block in self.sub_blocks.values())

    def steps(self, flattening: Flattening, path: str) -> list[Node]:
        """Return the steps of all blocks."""
        if not self.sub_blocks:
            raise CompositionError(f"{path or type(self).__name__} is empty: it has no blocks to run.")
        return [step for name, block in self.sub_blocks.items() for step in block.steps(flattening, joined(path, name))]


def in_one_row(blocks: ModularPipelineBlocks) -> ModularPipelineBlocks:
    """Return a composition without containers that only hold blocks in a row: those stand in it under their paths."""
    if type(blocks) is not SequentialPipelineBlocks:
        return blocks
    row = SequentialPipelineBlocks()
    row.description = blocks.description
    row.sub_blocks = sub_blocks_of(dict(_in_one_row(blocks, "")))
    return row


def _in_one_row(blocks: SequentialPipelineBlocks, path: str) -> Iterator[tuple[str, ModularPipelineBlocks]]:
    for name, part in blocks.sub_blocks.items():
        if type(part) is SequentialPipelineBlocks:
            yield from _in_one_row(part, joined(path, name))
        else:
            yield joined(path, name), part
