"""What is wrong with the lists of a block that declares by properties: inputs, outputs, components and configs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ...registry import ComponentSpec
from ...state import ConfigSpec, DeclarationError, InputParam, OutputParam
from ...state.unfit_values import unfit, value_words

_KINDS = {
    "inputs": InputParam,
    "intermediate_outputs": OutputParam,
    "expected_components": ComponentSpec,
    "expected_configs": ConfigSpec,
}
"""What each list of a block holds."""


def refuse_wrong_lists(blocks: Iterable[tuple[str, Any]]) -> None:
    """Refuse blocks whose lists hold something else than they should; all are told at once.

    Args:
        blocks: each with its path.

    Raises:
        DeclarationError: with everything that is wrong.
    """
    faults = [fault for path, block in blocks for fault in _list_faults(path, block)]
    if faults:
        raise DeclarationError.of("Blocks are declared wrongly", faults)


def odd_defaults(path: str, block: Any) -> Iterator[str]:
    """Yield defaults that are not of their type, and those of what must be given; of such blocks types are hints."""
    for param in block.inputs:
        if param.required and param.default is not None:
            yield (
                f"{path}: the input {param.name!r} is required and has the default {param.default!r}, which nobody ever reads. "
                "Leave one of the two out."
            )
        elif param.default is not None and (problem := unfit(param.default, param.type_hint)):
            yield f"{path}: the default of {param.name!r} {problem} Change the default, or the type_hint."


def _list_faults(path: str, block: Any) -> Iterator[str]:
    for name, kind in _KINDS.items():
        found = getattr(block, name)
        if isinstance(found, kind):
            yield f"{path}: {name} is one {kind.__name__}; it must be a list: [{kind.__name__}(...)]."
        elif not isinstance(found, (list, tuple)):
            yield f"{path}: {name} is {value_words(found)}; it must be a list of {kind.__name__}."
        else:
            for item in found:
                yield from _item_faults(path, name, kind, item)


def _item_faults(path: str, name: str, kind: type, item: Any) -> Iterator[str]:
    if not isinstance(item, kind):
        given = f"a {type(item).__name__}" if isinstance(item, tuple(_KINDS.values())) else value_words(item)
        example = item if isinstance(item, str) else getattr(item, "name", None) or "name"
        yield f"{path}: {name} holds {given}, which is no {kind.__name__}; write {kind.__name__}({example!r})."
        return
    group = getattr(item, "kwargs_type", None)
    if group is not None and not isinstance(group, str):
        yield f"{path}: {name} holds one with kwargs_type={group!r}; it must be text, the name of a group."
    if isinstance(item, InputParam) and item.name is None and group is not None:
        return  # a whole group
    if not isinstance(item.name, str) or not item.name:
        yield f"{path}: {name} holds a {kind.__name__} whose name is {item.name!r}; give it a name, as text."
