"""What a block declares, read from the several ways in which it may be written, and what is wrong with lists of it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from ...registry import ComponentSpec
from ...state import ConfigSpec, DeclarationError, InputParam, OutputParam
from ...state.errors import with_article
from ...state.params import merge_input
from ...state.unfit_values import unfit, value_words
from ...state.user_warnings import deprecated, user_warning


def merged_inputs(params: Iterable[InputParam]) -> list[InputParam]:
    """Return one declaration per name, in order of first appearance."""
    merged: dict[str, InputParam] = {}
    for param in params:
        key = param.name or str(param.kwargs_type)
        merged[key] = merge_input(merged[key], param) if key in merged else param
    return list(merged.values())


DECLARATIONS = (
    "_workflow_map",
    "block_classes",
    "block_names",
    "block_requires",
    "block_trigger_inputs",
    "default_block_name",
    "description",
    "expected_components",
    "expected_config",
    "expected_configs",
    "inputs",
    "intermediate_inputs",
    "intermediate_outputs",
    "loop_expected_components",
    "loop_expected_configs",
    "loop_inputs",
    "loop_intermediate_inputs",
    "loop_intermediate_outputs",
    "model_name",
    "outputs",
    "select_block",
    "workflow_map",
)
"""What a class body may declare by name, older spellings among it."""


def warn_of_misspelt(cls: type) -> None:
    """Warn where a class body defines what is nearly the name of a declaration: nothing would ever read it."""
    for name in vars(cls):
        near = _misspelt(name)
        if near is not None:
            user_warning(
                f"{cls.__qualname__}.{name} is no declaration of blocks, and is not read. Did you mean {near!r}?",
            )


@cache
def _misspelt(name: str) -> str | None:
    """Return the declaration that a name is nearly; None for one of them, and for any other name."""
    if name in DECLARATIONS or name.startswith("__"):
        return None
    # High, since a class body has helpers of its own, whose names may be like these.
    near = difflib.get_close_matches(name, DECLARATIONS, n=1, cutoff=0.88)
    return near[0] if near else None


def older_inputs(block: object, attribute: str) -> list[InputParam]:
    """Return inputs in a separate list of older code (`intermediate_inputs`, `loop_intermediate_inputs`), with a
    warning.
    """
    older = getattr(type(block), attribute, None)
    if older is None:
        return []
    newer = attribute.replace("intermediate_", "")
    deprecated(f"{type(block).__name__}.{attribute}", f"list these values in `{newer}`", since=1)
    return listed(older, block)


def listed(attribute: Any, block: Any) -> list[Any]:
    """Return the items of an attribute that is a list, a property or a method."""
    if isinstance(attribute, property):
        return list(attribute.__get__(block))
    return list(attribute(block) if callable(attribute) else attribute)


def description_of(block: Any) -> str:
    """Return a block's description, however it was written; else the first paragraph of its docstring.

    The docstring of a plain container says nothing of what is in it.
    """
    text = block.description
    text = text() if callable(text) else text
    if not text and type(block).__doc__ and "_is_framework_base" not in vars(type(block)):
        text = str(type(block).__doc__).strip().partition("\n\n")[0]
    return " ".join(str(text).split())


def snake_case(name: str) -> str:
    """Return a class's name as modules and entry points write it: "PredictNoise" is "predict_noise"."""
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))


_KINDS: dict[str, Any] = {
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


def _item_faults(path: str, name: str, kind: Any, item: Any) -> Iterator[str]:
    if not isinstance(item, kind):
        given = with_article(type(item).__name__) if isinstance(item, tuple(_KINDS.values())) else value_words(item)
        example = item if isinstance(item, str) else getattr(item, "name", None) or "name"
        yield f"{path}: {name} holds {given}, which is no {kind.__name__}; write {kind.__name__}({example!r})."
        return
    group = getattr(item, "kwargs_type", None)
    if group is not None and not isinstance(group, str):
        yield f"{path}: {name} holds one with kwargs_type={group!r}; it must be text, the name of a group."
    if isinstance(item, InputParam) and item.name is None and group is not None:
        return  # a whole group
    if not isinstance(item.name, str) or not item.name:
        yield f"{path}: {name} holds {with_article(kind.__name__)} whose name is {item.name!r}; give it a name, as text."


def is_typed(block: object) -> bool:
    """Return whether a block's types are checked annotations."""
    return hasattr(type(block), "declaration")
