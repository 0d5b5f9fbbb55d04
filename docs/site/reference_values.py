"""Reference pages of the values that cross blocks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from reference_blocks import example_of
from tables import code, page, section, table

from brickwork.blocks.core.block_catalog import is_base, own_blocks
from brickwork.blocks.core.part import BlockPart
from brickwork.state import Value, vocabulary
from brickwork.state.types import type_words
from brickwork.state.vocabulary import value_of


def value_pages() -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield a page for every type of value in the vocabulary."""
    read, written = _users("inputs"), _users("intermediate_outputs")
    for name, hint in vars(vocabulary).items():
        value = value_of(hint)
        if not name.startswith("_") and value is not None and not isinstance(hint, type):
            yield name, _value_page(name, hint, value, read, written)


def _users(attribute: str) -> dict[Value, dict[str, set[str]]]:
    """Return which blocks have a value among their inputs or outputs, by value and the name that it has there."""
    found: dict[Value, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for cls in own_blocks().values():
        made = None if issubclass(cls, BlockPart) or is_base(cls) else example_of(cls)[0]
        if made is None or getattr(made, "sub_blocks", {}):
            continue
        for each in getattr(made, attribute):
            value = value_of(each.type_hint)
            if value is not None:
                found[value][each.name].add(made.source_class.__name__)
    return found


def _value_page(name: str, hint: Any, value: Value, *users: dict[Value, dict[str, set[str]]]) -> tuple[str, str]:
    facts = [("type", code(type_words(hint)))]
    facts += [("shape", code(value.shape))] if value.shape else []
    facts += [("range", value.range_words)] if (value.low, value.high) != (None, None) else []
    facts += [("numbers", value.dtype)] if value.dtype else []
    parts = [value.doc, table(("", ""), facts), f"```python\nfrom brickwork.state.vocabulary import {name}\n```"]
    for title, found in zip(("Read by", "Written by"), users, strict=True):
        rows = [
            (code(block), code(as_name))
            for as_name, blocks in sorted(found.get(value, {}).items())
            for block in sorted(blocks)
        ]
        parts.append(section(title, table(("block", "as"), rows)))
    return page(name, *parts), value.doc
