"""What says which code a block runs, with which settings: under it its results are kept, and by it two blocks are compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...state.digest import CodeIdentity, NoDigestError, code_identity, digest_of

_OF_FRAMEWORK = frozenset({"sub_blocks", "_progress_bar_config"})


def code_key(block: object) -> str:
    """Digest the code of a block, for who keeps its results.

    Raises:
        NoDigestError: the block says `cached = False`, or its results hang on more than it is given, such as the clock, and
            it does not say `cached = True`.
    """
    code = code_identity(type(block))
    reasons = outside_reasons(block, code)
    if reasons:
        raise NoDigestError(reasons[0])
    return code.digest


def outside_reasons(block: object, code: CodeIdentity) -> tuple[str, ...]:
    """Return why the results of a block hang on more than it is given; none where the block says that they do not."""
    cached = getattr(block, "cached", None)
    if cached is False:
        return (f"{type(block).__name__} says cached = False",)
    # What its code shows is a suspicion; `cached = True` is the author's answer to it.
    return () if cached is True else code.unknown


def attributes_of_block(block: object, without: Mapping[str, Any] | frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return what was put on a block, besides its options and the blocks in it."""
    held = vars(block)
    if not held:
        return {}
    return {name: value for name, value in held.items() if name not in _OF_FRAMEWORK and name not in without}


def attributes_digest(block: object) -> str | None:
    """Digest everything that lies on a block; empty for nothing, None for what has no content."""
    held = attributes_of_block(block)
    if not held:
        return ""
    if not all(type(value) in _PLAIN for value in held.values()):
        return _digest(held)
    # Every run asks it of every block, and most hold a few numbers and words. With their classes: True is 1 to Python.
    key = tuple([(name, type(value), value) for name, value in held.items()])
    found = _KNOWN.get(key)
    if found is None:
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        found = _KNOWN[key] = _digest(held)
    return found


def _digest(held: Mapping[str, Any]) -> str | None:
    try:
        return digest_of(held)
    except NoDigestError:
        return None


_PLAIN = (bool, int, str, type(None))
"""Whose equal objects of one class have one digest; of fractions -0.0 is 0.0, and has another."""
_KNOWN: dict[tuple[tuple[str, type, Any], ...], str | None] = {}
_MOST_KNOWN = 4096
