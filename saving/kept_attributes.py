"""What constructors of blocks keep of their arguments (`Encode(sample_mode="argmax")`), as data and put back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.block_identity import attributes_of_block
from ..registry.identity.setting_content import content_of
from ..state import CompositionError
from ..state.errors import did_you_mean
from ..state.value_data import data_of


def kept_attributes(block: ModularPipelineBlocks) -> dict[str, Any]:
    """Return the attributes of a block that its constructor, called without arguments, makes otherwise; those that are data.

    Options of a `Block` are written by themselves, and what no file holds is found when the folder is opened again.
    """
    held = _held(block)
    if not held:
        return {}
    try:
        plain = _held(type(_coded(block))())
    except Exception:  # noqa: BLE001 - of code of others; it would not open, and that is said then
        return {}
    found = {}
    for name in sorted(held.keys() & plain.keys()):
        if content_of(held[name]) == content_of(plain[name]):
            continue
        try:
            found[name] = data_of(held[name])
        except ValueError:
            continue
    return found


def put_back(block: ModularPipelineBlocks, kept: Mapping[str, Any]) -> None:
    """Put attributes on a block that was made without arguments.

    Raises:
        CompositionError: its constructor makes no such attribute.
    """
    there = _held(block)
    for name, value in kept.items():
        if name not in there:
            raise CompositionError(
                f"{type(_coded(block)).__name__} keeps no attribute {name[:80]!r}. {did_you_mean(name, there)}"
            )
        vars(_coded(block))[name] = value


def _coded(block: Any) -> Any:
    """Return the object whose code runs: of an adopted block the foreign one."""
    return getattr(block, "foreign", block)


def _held(block: Any) -> dict[str, Any]:
    coded = _coded(block)
    declared = getattr(getattr(coded, "declaration", None), "options", {})
    return attributes_of_block(coded, {**declared, "description": None, "model_name": None, "foreign": None})
