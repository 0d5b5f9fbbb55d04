"""How a block stands in files: the schema of compositions, of `brickwork.json`, recipes and workflow files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from ..state.structure import DataOrNote


@frozen
class WrittenBlock:
    """A block and its parts, as `composition.describe` writes them.

    Attributes:
        block: where its class is found: "Decode", "module:Class", "./file.py:Class". within: the name that the block has
            in a composition of this class, which tells it more than its own constructor. family: that it is bound to.
        parts: classes that it was given besides its own, in the same form. options: those that differ from the class's own; what is
            no data is noted. kept: attributes that its constructor was told otherwise. description, model_name, workflow_map: that were
            put on the block itself. code: digest of its code. unknown: what of the code nothing
            tells. attributes: digest of what was put on the block later, by name.
        blocks: its parts, in order.
    """

    block: str
    within: str | None = None
    family: str | None = None
    parts: tuple[WrittenBlock, ...] = ()
    options: Mapping[str, DataOrNote] = field(factory=dict)
    kept: Mapping[str, DataOrNote] = field(factory=dict)
    description: str | None = None
    model_name: str | None = None
    workflow_map: Mapping[str, DataOrNote] | None = None
    code: str | None = None
    unknown: tuple[str, ...] = ()
    attributes: Mapping[str, str | None] = field(factory=dict)
    blocks: Mapping[str, WrittenBlock] = field(factory=dict)

    def walk(self) -> list[WrittenBlock]:
        """Return the block and all within it, parts of blocks, too."""
        found: list[WrittenBlock] = []
        pending: list[Any] = [self]
        while pending:
            each = pending.pop()
            found.append(each)
            pending += [*reversed(each.blocks.values()), *each.parts]
        return found
