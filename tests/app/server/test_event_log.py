"""The events of a run, kept for those who come late."""

from __future__ import annotations

from brickwork.app.server.event_log import EventLog


def kinds(log: EventLog) -> list[str]:
    return [event.kind for event in log.since(0, with_inner=True)]


def test_previews_go_first_where_there_are_too_many_and_the_end_never() -> None:
    log = EventLog()
    log.tell("started", {})
    dropped = sum(log.tell("preview", {"data": "x" * 600_000}) for _ in range(5))
    log.tell("finished", {})
    assert kinds(log) == ["started", "preview", "preview", "finished"]
    assert (dropped, log.dropped) == (3, 3)
    assert [event.number for event in log.since(0)] == [0, 4, 5, 6]


def test_the_last_preview_stays_however_large_it_is() -> None:
    log = EventLog()
    log.tell("preview", {"data": "x" * 2_000_000})
    assert kinds(log) == ["preview"]


def test_of_steps_and_blocks_in_loops_the_last_are_kept() -> None:
    log = EventLog()
    log.tell("block", {"path": "a"})
    for n in range(3_000):
        log.tell("step" if n % 2 else "block", {"path": "loop"}, is_within=not n % 2)
    log.tell("failed", {})
    assert len(kinds(log)) == 2_002
    assert (kinds(log)[0], kinds(log)[-1]) == ("block", "failed")


def test_blocks_in_loops_are_for_who_asks() -> None:
    log = EventLog()
    log.tell("block", {}, is_within=True)
    log.tell("block", {})
    assert [event.number for event in log.since(0)] == [1]
    assert [event.number for event in log.since(0, with_inner=True)] == [0, 1]


def test_after_the_end_nothing_is_noted() -> None:
    log = EventLog()
    for kind in ("cancelled", "finished"):
        log.tell(kind, {})
    assert (kinds(log), log.is_over) == (["cancelled"], True)


def test_listeners_are_called_until_they_are_forgotten() -> None:
    log, calls = EventLog(), []
    listener = lambda: calls.append(1)  # noqa: E731 - the same object twice
    log.listen(listener)
    log.tell("started", {})
    log.forget(listener)
    log.tell("finished", {})
    assert calls == [1]
