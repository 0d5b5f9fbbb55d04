"""What says which code a block runs, with which settings: under it its results are kept, and by it two blocks are compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..state.digest import NoDigestError, code_identity, digest_of

_OF_FRAMEWORK = frozenset({"sub_blocks", "_progress_bar_config"})


def code_key(block: Any) -> str:
    """Digest the code of a block, for who keeps its results.

    Raises:
        NoDigestError: the block says `cached = False`, or its results hang on more than it is given, such as the clock, and
            it does not say `cached = True`.
    """
    cls, cached = type(block), getattr(block, "cached", None)
    if cached is False:
        raise NoDigestError(f"{cls.__name__} says cached = False")
    code = code_identity(cls)
    if code.unknown and cached is not True:
        raise NoDigestError(code.unknown[0])
    return code.digest


def attributes_of_block(block: Any, without: Mapping[str, Any] | frozenset[str] = frozenset()) -> dict[str, Any]:
    """What was put on a block, besides its options and the blocks in it."""
    held = vars(block)
    if not held:
        return {}
    return {name: value for name, value in held.items() if name not in _OF_FRAMEWORK and name not in without}


def attributes_digest(block: Any) -> str | None:
    """Digest everything that lies on a block; empty for nothing, None for what has no content."""
    held = attributes_of_block(block)
    if not held:
        return ""
    try:
        return digest_of(held)
    except NoDigestError:
        return None
