"""Warnings that point at the line of whoever called this package, however deep in it they arise."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType

_PASSED_THROUGH = ("abc", "contextlib", "functools", "threading", "torch", "attr", "tqdm")
"""Libraries that call on behalf of this package: context managers, decorators, threads."""


def user_warning(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn, with the line outside of this package that led here.

    Args:
        text: what is said. category: the class of the warning.
    """
    warnings.warn(text, category, stacklevel=max(2, caller_level()))


def deprecated(name: str, instead: str, since: int) -> None:
    """Warn that something goes with the API after the one that deprecated it; until then it works.

    Args:
        name: what goes. instead: what to write, a sentence without its full stop. since: the API that deprecated it.
    """
    user_warning(
        f"{name} is deprecated since API {since} of Brickwork, and gone in API {since + 1}: {instead}.",
        DeprecationWarning,
    )


_UNSAID = ContextVar("unsaid", default=False)


@contextmanager
def unsaid(flag: bool) -> Iterator[None]:
    """Leave unsaid what looks wrong with a composition, if it is one that an error is about."""
    token = _UNSAID.set(flag)
    try:
        yield
    finally:
        _UNSAID.reset(token)


def is_unsaid() -> bool:
    """Return whether `unsaid` is in force."""
    return _UNSAID.get()


def caller_level() -> int:
    """Return the `stacklevel` that whoever asks gives to `warnings.warn` or a logger to name the first line outside of this package;
    1, the asking line itself, where there is none, as in a thread of our own.
    """
    frame: FrameType | None = sys._getframe(1)
    level = 1
    while frame is not None:
        if not _is_passed(str(frame.f_globals.get("__name__"))):
            return level
        frame, level = frame.f_back, level + 1
    return 1


def _is_passed(module: str) -> bool:
    return module.partition(".")[0] in (_OURS, *_PASSED_THROUGH)


_OURS = __name__.partition(".")[0]
