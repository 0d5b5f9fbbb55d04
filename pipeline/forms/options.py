"""The options of blocks by path: what `--set` changes, as data and as JSON schema."""

from __future__ import annotations

from typing import Any

from ...blocks.core.base import ModularPipelineBlocks
from ...blocks.core.declaration import attribute_hint
from ...blocks.core.flattening import walk
from ...blocks.core.schema import type_schema, with_default
from ...state import DeclarationError
from ...state.classes.meanings import meanings


def options_of(block: ModularPipelineBlocks) -> dict[str, Any]:
    """Return the options of a block that a person may change, with what they are now."""
    return {name: value for name, value in (getattr(block, "options", None) or {}).items() if name[:1] != "_"}


def options_by_path(blocks: ModularPipelineBlocks) -> dict[str, dict[str, Any]]:
    """Return the options of all blocks of a composition that have some, by path."""
    return {path: found for path, block in walk(blocks) if path and (found := options_of(block))}


def option_schemas(blocks: ModularPipelineBlocks) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the options of all blocks of a composition that have some, by path and name, each as JSON schema: what it is now is the
    `default`, and `description` is what the block's docstring says of it.
    """
    held = dict(walk(blocks))
    return {path: _schemas(held[path], options) for path, options in options_by_path(blocks).items()}


def _schemas(block: ModularPipelineBlocks, options: dict[str, Any]) -> dict[str, dict[str, Any]]:
    said = meanings(type(block).__mro__, options)
    found = {}
    for name, value in options.items():
        schema = with_default(_type_of(block, name), value)
        found[name] = {**schema, "description": said[name]} if name in said else schema
    return found


def _type_of(block: ModularPipelineBlocks, name: str) -> dict[str, Any]:
    try:
        return type_schema(attribute_hint(type(block), name))
    except DeclarationError:  # an option of a container, which has no annotation
        return {}
