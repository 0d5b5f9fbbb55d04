"""The queue of a server, with plain functions."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from brickwork.engine.serving.work_queue import QueueClosedError, QueueFullError, Task, TooLargeError, WorkQueue
from brickwork.state import InputError


class Bench:
    """A queue whose first piece of work goes on until `go`, so that what follows waits; `done` is the order of the rest."""

    def __init__(self, **settings: object) -> None:
        self.queue = WorkQueue(**settings)  # type: ignore[arg-type]  # as the tests name them
        self.done: list[str] = []
        self._go = threading.Event()
        self._begun = threading.Semaphore(0)

    def hold(self, count: int = 1, **about: object) -> None:
        """Keep workers busy."""
        for _ in range(count):
            self.queue.put(Task(self._held, **about))  # type: ignore[arg-type]  # as the tests name them
        for _ in range(count):
            assert self._begun.acquire(timeout=60)

    def _held(self) -> None:
        self._begun.release()
        assert self._go.wait(60)

    def task(self, name: str, **about: object) -> Task:
        return Task(lambda: self.done.append(name), **about)  # type: ignore[arg-type]  # as the tests name them

    def put(self, name: str, **about: object) -> int:
        return self.queue.put(self.task(name, **about))

    def go(self) -> None:
        self._go.set()

    def order(self) -> list[str]:
        """Do all that waits, and return in which order that was done."""
        self.go()
        assert self.queue.stop(drains=True, timeout=60) == []
        return self.done


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(**settings: object) -> Bench:
        made.append(Bench(**settings))
        return made[-1]

    yield make
    for each in made:
        each.go()
        each.queue.stop(timeout=5)


def test_work_is_done_in_the_order_in_which_it_came(bench: Callable[..., Bench]) -> None:
    b = bench()
    b.hold()
    assert [b.put(name) for name in "abc"] == [0, 1, 2]
    assert b.order() == ["a", "b", "c"]


def test_interactive_work_goes_first_and_batch_work_has_every_fourth_turn(bench: Callable[..., Bench]) -> None:
    b = bench()
    b.hold()
    for n in range(3):
        b.put(f"batch {n}", priority="batch")
    for n in range(6):
        b.put(f"now {n}")
    # The one that holds was the first turn.
    assert b.order() == ["now 0", "now 1", "batch 0", "now 2", "now 3", "now 4", "batch 1", "now 5", "batch 2"]


def test_batch_work_that_has_waited_for_long_counts_as_interactive(bench: Callable[..., Bench]) -> None:
    b = bench(patience=30.0, batch_every=1000)
    b.hold()
    b.put("young", priority="batch")
    b.put("old", priority="batch", came=time.monotonic() - 31)
    b.put("now")
    assert b.order() == ["old", "now", "young"]


def test_clients_take_turns(bench: Callable[..., Bench]) -> None:
    b = bench()
    b.hold(client="other")
    for n in range(4):
        b.put(f"many {n}", client="many")
    b.put("one", client="one")
    assert b.order() == ["many 0", "one", "many 1", "many 2", "many 3"]


def test_turns_of_clients_are_by_work(bench: Callable[..., Bench]) -> None:
    b = bench()
    b.hold(client="other")
    for n in range(2):
        b.put(f"large {n}", client="large", cost=10.0)
    for n in range(3):
        b.put(f"small {n}", client="small", cost=4.0)
    assert b.order() == ["large 0", "small 0", "small 1", "small 2", "large 1"]


def test_a_client_that_comes_late_has_no_claim_from_before(bench: Callable[..., Bench]) -> None:
    b = bench()
    b.hold(client="first", cost=100.0)
    b.put("first 1", client="first", cost=100.0)
    b.put("late 0", client="late")
    b.put("late 1", client="late")
    b.put("first 2", client="first", cost=100.0)
    assert b.order() == ["first 1", "late 0", "late 1", "first 2"]


def test_a_full_queue_refuses_and_says_when_to_try_again(bench: Callable[..., Bench]) -> None:
    b = bench(size=2)
    b.hold()
    b.put("a")
    b.put("b")
    with pytest.raises(QueueFullError, match=r"2 of 2 places in the queue are taken\. Try again in 2 s\.") as found:
        b.put("c")
    assert found.value.seconds == 2
    assert b.order() == ["a", "b"]


def test_several_are_taken_or_none(bench: Callable[..., Bench]) -> None:
    b = bench(size=2)
    b.hold()
    with pytest.raises(QueueFullError):
        b.queue.put_all([b.task(name) for name in "abc"])
    assert b.queue.waiting == []
    assert b.queue.put_all([b.task(name) for name in "ab"]) == [0, 1]
    assert b.order() == ["a", "b"]


def test_work_of_all_is_limited(bench: Callable[..., Bench]) -> None:
    b = bench(most_cost=10.0)
    b.hold(cost=6.0, client="a")
    b.put("fits", cost=4.0, client="b")
    with pytest.raises(QueueFullError, match=r"The work of all would be 11, and may be 10\."):
        b.put("more", cost=1.0, client="c")


def test_work_of_one_client_is_limited(bench: Callable[..., Bench]) -> None:
    b = bench(most_cost_of_client=10.0)
    b.hold(cost=6.0, client="a")
    with pytest.raises(QueueFullError, match=r"The work of one client would be 11, and may be 10\."):
        b.put("more", cost=5.0, client="a")
    b.put("of another", cost=5.0, client="b")
    assert b.order() == ["of another"]


@pytest.mark.parametrize("limit", ["most_cost", "most_cost_of_client"])
def test_work_that_would_never_be_begun_is_refused_with_the_largest(bench: Callable[..., Bench], limit: str) -> None:
    b = bench(**{limit: 10.0})
    with pytest.raises(
        TooLargeError, match="would take 11 steps times pixels, and the largest that is begun takes 10"
    ) as found:
        b.put("large", cost=11.0)
    assert (found.value.kind, found.value.largest) == ("work", 10.0)


def test_what_never_fits_into_memory_is_refused_with_the_largest(bench: Callable[..., Bench]) -> None:
    b = bench(memory=100)
    with pytest.raises(TooLargeError, match="would take 101 bytes, and the largest that is begun takes 100") as found:
        b.put("large", bytes=101)
    assert (found.value.kind, found.value.largest) == ("bytes", 100)


def test_what_does_not_fit_now_waits_and_smaller_work_passes(bench: Callable[..., Bench]) -> None:
    b = bench(memory=100, workers=2)
    b.hold(bytes=60)
    b.put("large", bytes=50)
    b.put("small", bytes=40)
    assert _becomes(lambda: b.done == ["small"])
    assert b.order() == ["small", "large"]


def test_what_has_waited_for_long_is_not_passed_any_more(bench: Callable[..., Bench]) -> None:
    b = bench(memory=100, workers=2, patience=30.0)
    b.hold(bytes=60)
    b.put("large", bytes=50, came=time.monotonic() - 31)
    b.put("small", bytes=40)
    assert not _becomes(lambda: b.done != [], seconds=0.2)
    assert sorted(b.order()) == ["large", "small"]


def test_workers_go_beside_each_other(bench: Callable[..., Bench]) -> None:
    b = bench(workers=3)
    b.hold(3)
    assert len(b.queue.going) == 3


def test_what_waits_can_be_taken_back_and_what_goes_on_cannot(bench: Callable[..., Bench]) -> None:
    b = bench()
    b.hold()
    task = b.task("a")
    b.queue.put(task)
    assert (b.queue.position(task), b.queue.remove(task)) == (0, True)
    assert (b.queue.position(task), b.queue.remove(task)) == (None, False)
    assert b.queue.remove(b.queue.going[0]) is False
    assert b.order() == []


def test_a_stop_hands_back_what_waits(bench: Callable[..., Bench]) -> None:
    b = bench()
    b.hold()
    task = b.task("a")
    b.queue.put(task)
    threading.Timer(0.05, b.go).start()
    assert b.queue.stop(timeout=5) == [task]
    assert b.done == []
    with pytest.raises(QueueClosedError, match="about to stop"):
        b.put("b")


def test_what_was_taken_before_is_not_refused(bench: Callable[..., Bench]) -> None:
    b = bench(size=1, most_cost=1.0, memory=1)
    b.hold(cost=1.0, bytes=1)
    b.queue.put_all([b.task(name, cost=5.0, bytes=5) for name in "ab"], is_known=True)
    assert b.order() == ["a", "b"]


def test_a_worker_goes_on_after_an_error(bench: Callable[..., Bench], caplog: pytest.LogCaptureFixture) -> None:
    b = bench()
    b.queue.put(Task(lambda: 1 / 0))  # type: ignore[arg-type, return-value]  # an error
    b.put("a")
    assert b.order() == ["a"]
    assert "A piece of work raised an error" in caplog.text


def test_the_age_is_that_of_the_oldest(bench: Callable[..., Bench]) -> None:
    b = bench()
    b.hold()
    assert b.queue.age == 0
    b.put("a", came=time.monotonic() - 5)
    b.put("b")
    assert 5 <= b.queue.age < 60


def test_time_until_there_is_room_is_learnt_from_what_was_done(bench: Callable[..., Bench]) -> None:
    b = bench(most_cost=1000.0)
    inside: list[float] = []

    def work() -> None:
        began = time.monotonic()
        time.sleep(0.05)
        inside.append(time.monotonic() - began)

    began = time.monotonic()
    b.queue.put(Task(work, cost=1.0))
    assert _becomes(lambda: not b.queue.going and not b.queue.waiting)
    # So many seconds for 1, as the queue saw it, which is longer than the work itself, and a hundred times that for 100.
    assert math.floor(100 * inside[0]) <= b.queue.seconds_until(100.0) <= math.ceil(100 * (time.monotonic() - began))
    assert b.queue.seconds_until(10**9) == 600


@pytest.mark.parametrize(
    "name", ["workers", "size", "most_cost", "most_cost_of_client", "memory", "batch_every", "patience"]
)
@pytest.mark.parametrize("value", [0, -1, True, "4"])
def test_a_setting_that_is_no_number_above_nothing_is_refused(name: str, value: object) -> None:
    with pytest.raises(InputError, match=rf"{name}={value!r}: it is a number above 0\."):
        WorkQueue(**{name: value})  # type: ignore[arg-type]  # that is the test


def _becomes(holds: Callable[[], bool], seconds: float = 60.0) -> bool:
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        time.sleep(0.005)
    return holds()
