"""What a block declares, read from the several ways in which it may be written."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable
from typing import Any

from ...state import InputParam
from ...state.params import merge_input


def merged_inputs(params: Iterable[InputParam]) -> list[InputParam]:
    """Return one declaration per name, in order of first appearance."""
    merged: dict[str, InputParam] = {}
    for param in params:
        key = param.name or str(param.kwargs_type)
        merged[key] = merge_input(merged[key], param) if key in merged else param
    return list(merged.values())


DECLARATIONS = (
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
        # High, since a class body has helpers of its own, whose names may be like these.
        near = difflib.get_close_matches(name, DECLARATIONS, n=1, cutoff=0.88)
        if near and name not in DECLARATIONS:
            warnings.warn(
                f"{cls.__qualname__}.{name} is no declaration of blocks, and is not read. Did you mean {near[0]!r}?",
                UserWarning,
                stacklevel=4,
            )


def older_inputs(block: object, attribute: str) -> list[InputParam]:
    """Return inputs in a separate list of older code (`intermediate_inputs`, `loop_intermediate_inputs`), with a
    warning.
    """
    older = getattr(type(block), attribute, None)
    if older is None:
        return []
    newer = attribute.replace("intermediate_", "")
    warnings.warn(
        f"{type(block).__name__}.{attribute} is deprecated: list these values in `{newer}`.",
        DeprecationWarning,
        stacklevel=3,
    )
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
