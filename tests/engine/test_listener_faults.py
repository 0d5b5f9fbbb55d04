"""What is wrong with a listener, and whose an error in one is."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from brickwork.engine.events import RunStarted
from brickwork.engine.listener_faults import listener_fault, tell_all
from brickwork.engine.listeners import TimeTable


class Listens:
    def __call__(self, event: object) -> None: ...
    def method(self, event: object) -> None: ...


class Waits:
    async def __call__(self, event: object) -> None: ...


async def waits(event: object) -> None: ...
def of_two(event: object, more: object) -> None: ...
def of_none() -> None: ...
def by_name(*, event: object) -> None: ...
def with_default(event: object, more: int = 3) -> None: ...


@pytest.mark.parametrize(
    "listener",
    [
        print,
        [].append,
        Listens(),
        Listens().method,
        partial(of_two, more=1),
        with_default,
        lambda *_: None,
        TimeTable(),
    ],
)
def test_what_takes_an_event_is_a_listener(listener: object) -> None:
    assert listener_fault(listener) is None


@pytest.mark.parametrize(
    ("listener", "said"),
    [
        (TimeTable, "The listener TimeTable is a class; give an object of it: TimeTable(...)."),
        ("print", "A listener is a function that takes an event, and 'print' (str) was given."),
        (waits, "The listener waits is async, and a run does not wait for it."),
        (Waits(), "The listener Waits is async"),
        (
            of_two,
            "The listener of_two takes (event: 'object', more: 'object') -> 'None', and is called with one event.",
        ),
        (of_none, "The listener of_none takes () -> 'None'"),
        (by_name, "The listener by_name takes (*, event: 'object') -> 'None'"),
    ],
)
def test_what_is_none_is_said(listener: object, said: str) -> None:
    assert str(listener_fault(listener)).startswith(said)


def test_an_error_in_a_listener_says_whose_it_is() -> None:
    told: list[Any] = []
    event = RunStarted.__new__(RunStarted)

    def fails(_: object) -> None:
        raise KeyError("x")

    with pytest.raises(KeyError) as caught:
        tell_all([told.append, fails, told.append], event)
    assert caught.value.__notes__ == [f"In the listener {fails.__qualname__}, which was told of RunStarted."]
    assert told == [event]
