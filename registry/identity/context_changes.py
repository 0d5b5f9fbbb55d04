"""What in the running context (thread or task) makes networks compute something else for a time.

It lies on no component, so whoever identifies components does not see it; a run asks here, when it begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from attrs import frozen

from ...state.digest import NoDigestError


@frozen
class ContextChange:
    """Something that is changed for a time.

    Attributes:
        what: it is, for people. identity: a text that tells what it does apart from others; None where nothing tells.
    """

    what: str
    identity: str | None


_changes: ContextVar[tuple[ContextChange, ...]] = ContextVar("brickwork_context_changes", default=())


@contextmanager
def context_change(what: str, identity: str | None) -> Iterator[None]:
    """Say that something is changed, until the end of the `with`."""
    token = _changes.set((*_changes.get(), ContextChange(what, identity)))
    try:
        yield
    finally:
        _changes.reset(token)


def context_words() -> tuple[str, ...]:
    """Return the changes of this context, in the order in which they began.

    Raises:
        NoDigestError: nothing tells what one of them does.
    """
    changes = _changes.get()
    for change in changes:
        if change.identity is None:
            raise NoDigestError(f"{change.what} is active, and nothing tells what it does")
    return tuple(f"{change.what}: {change.identity}" for change in changes)
