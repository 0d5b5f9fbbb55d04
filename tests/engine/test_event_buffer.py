"""A buffer of events never makes a run wait, and says what it has let go of."""

from __future__ import annotations

import threading

import pytest

from brickwork import InputError
from brickwork.engine.event_buffer import EventBuffer
from brickwork.engine.events import (
    BlockStarted,
    Event,
    EventsDropped,
    RunFailed,
    RunFinished,
    RunStarted,
    RunWarning,
    StepFinished,
)


def filled(size: int, *events: Event) -> EventBuffer:
    buffer = EventBuffer(size)
    for event in events:
        buffer(event)
    return buffer


def test_every_reader_gets_all_from_the_beginning_on() -> None:
    events = [RunStarted(("a",)), BlockStarted("a"), RunFinished(1.0, 3)]
    buffer = filled(10, *events)
    buffer.close()
    assert list(buffer) == events
    assert list(buffer) == events


def test_what_nobody_took_is_let_go_of_and_counted_where_it_was() -> None:
    steps = [BlockStarted(str(number)) for number in range(10)]
    buffer = filled(3, RunStarted(()), *steps[:4], RunWarning("", "slow"), *steps[4:], RunFinished(1.0, None))
    buffer.close()
    assert list(buffer) == [
        RunStarted(()),
        EventsDropped(4),
        RunWarning("", "slow"),
        EventsDropped(3),
        *steps[7:],
        RunFinished(1.0, None),
    ]


@pytest.mark.parametrize(
    "kept", [RunStarted(()), RunWarning("a", "b"), RunFinished(0.0, 1), RunFailed(0.0, ValueError("x"))]
)
def test_how_a_run_begins_and_ends_is_never_let_go_of(kept: Event) -> None:
    buffer = filled(1, kept, *[BlockStarted("a")] * 5)
    buffer.close()
    assert list(buffer) == [kept, EventsDropped(4), BlockStarted("a")]


def test_a_reader_that_kept_up_misses_nothing() -> None:
    buffer = EventBuffer(1)
    reader = iter(buffer)
    for number in range(5):
        buffer(BlockStarted(str(number)))
        assert next(reader) == BlockStarted(str(number))
    buffer.close()
    assert list(reader) == []


def test_a_reader_waits_for_what_has_not_happened_yet() -> None:
    buffer = EventBuffer()
    taken: list[Event] = []
    thread = threading.Thread(target=lambda: taken.extend(buffer))
    thread.start()
    buffer(BlockStarted("a"))
    buffer.close()
    thread.join(10)
    assert not thread.is_alive()
    assert taken == [BlockStarted("a")]


def test_values_of_a_step_that_is_over_are_not_given_out() -> None:
    buffer = filled(1, StepFinished("loop", 0, 2, 0.5, {"x": 1}))
    buffer.close()
    (event,) = buffer
    assert isinstance(event, StepFinished)
    assert (event.path, event.index, event.total, event.seconds) == ("loop", 0, 2, 0.5)
    for look in (
        lambda: event.values["x"],
        lambda: list(event.values),
        lambda: len(event.values),
        lambda: "x" in event.values,
        lambda: event.values.get("x"),
        lambda: event.values.keys(),
        lambda: event.values.values(),
        lambda: event.values.items(),
    ):
        with pytest.raises(InputError, match=r"are others by now.*pipe\.stream"):
            look()


def test_a_buffer_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="size"):
        EventBuffer(0)
