"""A step that ran out of memory is tried once more, with nothing on the device but what it needs."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..isolation import RunComponents
from ..nodes import Call, Values
from .out_of_memory import is_out_of_memory

if TYPE_CHECKING:
    from ..run import Run

_AGAIN: ContextVar[bool] = ContextVar("_AGAIN", default=False)


def is_tried_again() -> bool:
    """Return whether the step that runs is tried again if memory runs out: then it must not make do with less yet."""
    return _AGAIN.get()


def with_second_try(call: Call, path: str, mutates: Sequence[str], run: Run) -> Call:
    """Return a step that begins again if memory ran out while other components were on the device.

    It begins as it did before: with the values, the state of its solvers, and the random generators of then, so that its
    result is that of a device with more memory, bit for bit.

    Args:
        mutates: components whose state the step changes.
    """
    residency = run.residency
    assert residency is not None

    def tried(values: Values) -> None:
        cache = None if run.cache is None else run.cache.store
        if not residency.has_room_to_make and cache is None:
            call(values)
            return
        before = _Before.of(values, run.components, mutates)
        try:
            with _told_of_another():
                call(values)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            # The frames of the failed call hold its tensors, and so would keep the memory that ran out.
            traceback.clear_frames(error.__traceback__)
        else:
            return
        before.restore(values)
        if residency.has_room_to_make:
            residency.make_room()
        if cache is not None:
            cache.leave_devices()
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


@frozen
class _Before:
    """What a step finds, and may have changed before it failed.

    Attributes:
        components: functions that bring the run's own back to what they were. generators: with their states.
    """

    values: Values
    components: tuple[Callable[[], None], ...]
    generators: tuple[tuple[Any, Any], ...]

    @classmethod
    def of(cls, values: Values, components: RunComponents, mutates: Sequence[str]) -> _Before:
        """Note all of it."""
        return cls(
            dict(values),
            tuple(components.kept(name) for name in mutates),
            tuple((each, each.get_state()) for each in _generators(values)),
        )

    def restore(self, values: Values) -> None:
        """Let everything be as it was."""
        values.clear()
        values.update(self.values)
        for bring_back in self.components:
            bring_back()
        for generator, state in self.generators:
            generator.set_state(state)


def _generators(values: Mapping[str, Any]) -> Iterator[Any]:
    import torch

    for value in values.values():
        for each in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(each, torch.Generator):
                yield each
