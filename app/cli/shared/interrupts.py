"""Ctrl-C that Python throws away: in `__del__`, in callbacks of weak references and in those of the collector, no exception gets out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sys import UnraisableHookArgs


@contextmanager
def interrupts_kept() -> Iterator[None]:
    """Let Ctrl-C end what runs within, also where Python would only print that it ignores it.

    Python tells its hook of what it threw away. A hook cannot raise, so the next line outside of it does, by tracing: that may be in the middle of
    anything, as it is with every Ctrl-C. Who traced before (a debugger, coverage) does so again afterwards.

    Raises:
        KeyboardInterrupt: at the end at the latest.
    """
    before, tracer = sys.unraisablehook, sys.gettrace()
    traced: list[tuple[FrameType, Any]] = []
    is_due = False

    def note(dropped: UnraisableHookArgs) -> None:
        nonlocal is_due
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            before(dropped)
            return
        is_due = True
        # Frames that go on are traced only if they say so; those that begin are by the last call.
        frame = sys._getframe().f_back
        while frame is not None:
            traced.append((frame, frame.f_trace))
            frame.f_trace = raise_again
            frame = frame.f_back
        sys.settrace(raise_again)

    def raise_again(frame: FrameType, event: str, argument: Any) -> None:  # noqa: ARG001 - as `sys.settrace` asks for
        nonlocal is_due
        inner: FrameType | None = frame
        while inner is not None:
            # Other garbage of the same collection is cleaned up; here it would be thrown away once more.
            if inner.f_code.co_name == "__del__" or inner.f_code is note.__code__:
                return
            inner = inner.f_back
        is_due = False
        sys.settrace(None)
        raise KeyboardInterrupt

    sys.unraisablehook = note
    try:
        yield
        if is_due:
            raise KeyboardInterrupt
    finally:
        sys.unraisablehook = before
        if traced:
            for frame, own in reversed(traced):
                frame.f_trace = own
            traced.clear()
            sys.settrace(tracer)
