"""By what two compositions are known to be the same before anything is run: their classes, their options, and what is in them."""

from __future__ import annotations

from typing import Any

from ..core.block_identity import attributes_of_block

_PLAIN = (bool, int, str, bytes, type(None))
_CHOOSES = ("block_trigger_inputs", "block_requires", "default_block_name", "workflow_map")


class _NoKeyError(Exception):
    """Something lies on a block that may be edited without anybody's seeing it."""


def content_key(block: object) -> Any:
    """Return what is equal for equal compositions; None where a block holds more than plain data."""
    try:
        return _key(block)
    except _NoKeyError:
        return None


def _key(block: object) -> tuple[Any, ...]:
    held = attributes_of_block(block)
    own = tuple([(name, _plain(value)) for name, value in held.items()]) if held else ()
    inner = getattr(block, "sub_blocks", None)
    if inner is None:
        return type(block), own
    # Classes of choices are made in scripts and notebooks, and their lists edited in place.
    chooses = tuple([_plain(getattr(block, name, None)) for name in _CHOOSES])
    return type(block), own, chooses, tuple([(name, _key(part)) for name, part in inner.items()])


def _plain(value: Any) -> Any:
    # With the class: True is 1 to Python, and not to who declares a bool.
    if type(value) in _PLAIN:
        return type(value), value
    if type(value) is float:
        return float, value.hex()
    if type(value) in (list, tuple):
        return type(value), tuple([_plain(part) for part in value])
    if type(value) is dict:
        return dict, tuple([(_plain(name), _plain(part)) for name, part in value.items()])
    raise _NoKeyError
