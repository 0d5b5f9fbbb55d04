"""A step that ran out of memory is tried once more, with nothing on the device but what it needs."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from ..nodes import Call, Values
from .before_step import Before
from .out_of_memory import is_out_of_memory

if TYPE_CHECKING:
    from ..run import Run
    from .executor import Executable

_AGAIN: ContextVar[bool] = ContextVar("_AGAIN", default=False)


def is_tried_again() -> bool:
    """Return whether the step that runs is tried again if memory runs out: then it must not make do with less yet."""
    return _AGAIN.get()


def with_second_try(call: Call, executable: Executable, run: Run) -> Call:
    """Return a step that begins again if memory ran out while something else was on the device.

    It begins as it did before: with the values, the state of its solvers, and the random generators of then, so that its
    result is that of a device with more memory, bit for bit. A step that has changed what nothing brings back is not tried
    again: the error says what that is, and the next run has the room.
    """
    residency = run.residency
    assert residency is not None
    path, names = executable.path, executable.uses

    def tried(values: Values) -> None:
        cache = None if run.cache is None else run.cache.store
        residency.make_ready(names)
        if not residency.has_room_to_make(names) and (cache is None or not cache.device_bytes):
            call(values)
            return
        before = Before.of(values, executable, run.components)
        try:
            with _told_of_another():
                call(values)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if residency.has_room_to_make(names):
                residency.make_room(names)
            elif cache is None or not cache.device_bytes:  # it left meanwhile, by another thread
                raise
            if cache is not None:
                cache.leave_devices()
            if changed := before.changed():
                error.add_note(
                    f"It was not tried once more with nothing else on the device, because {changed}. The next run like it has that room."
                )
                raise
            # The frames of the failed call hold its tensors, and so would keep the memory that ran out.
            traceback.clear_frames(error.__traceback__)
        else:
            return
        before.restore(values)
        run.remark(path, "memory ran out; everything else has left the device, and the step is tried once more")
        call(values)

    return tried


@contextmanager
def _told_of_another() -> Iterator[None]:
    token = _AGAIN.set(True)
    try:
        yield
    finally:
        _AGAIN.reset(token)
