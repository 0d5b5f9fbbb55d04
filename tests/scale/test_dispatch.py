"""Rows are handed out few at a time, told of in order, and put aside where they end their workers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from brickwork.scale.attempts import Attempts
from brickwork.scale.dispatch import Dispatch
from brickwork.scale.outcome import Outcome
from brickwork.scale.rows import Row
from brickwork.scale.workers import Died, Done, Event, Ready
from brickwork.state import ComponentError, CompositionError, RepoError, RunError


class Scripted:
    """Workers whose order of events a test says; each runs what it has last in first, where it may."""

    ahead = 2

    def __init__(self, count: int = 2, kills: Iterable[int] = (), events: Iterable[Event] = ()) -> None:
        self.count = count
        self.kills = set(kills)
        self.events = list(events)
        self.given: list[tuple[int, int]] = []
        self.have: dict[int, list[Row]] = {worker: [] for worker in range(count)}
        self.starts = 0
        self.most = 0

    def start(self) -> None:
        self.starts += 1
        self.events += [Ready(worker) for worker in range(self.count)]

    def give(self, worker: int, row: Row) -> None:
        self.given.append((worker, row.number))
        self.have[worker].append(row)
        self.most = max(self.most, sum(map(len, self.have.values())))

    def wait(self, seconds: float) -> list[Event]:
        if self.events:
            found, self.events = self.events, []
            return found
        # The last worker is the fastest.
        worker = next((each for each in reversed(range(self.count)) if self.have[each]), None)
        if worker is None:
            return []
        row = self.have[worker].pop(0)
        if row.number in self.kills:
            self.have[worker] = []
            self.events = [Ready(worker)]
            return [Died(worker, f"was killed by {row.number}")]
        return [Done(worker, Outcome(row.number, row.name, row.seed, "made"))]

    def close(self) -> None: ...


def rows(count: int, faults: Iterable[int] = ()) -> list[Row]:
    return [
        Row(number, f"r{number}", 0, {}, ("odd.",) if number in set(faults) else ()) for number in range(1, count + 1)
    ]


def identity(row: Row) -> str:
    return f"{row.name} {row.seed}"


def dispatched(workers: Any, given: Iterable[Row], folder: Path, said: list[str] | None = None) -> list[Outcome]:
    return list(
        Dispatch(workers, given, Attempts(folder, identity), (said if said is not None else []).append).outcomes()
    )


def test_outcomes_are_in_the_order_of_rows_and_few_rows_are_out(tmp_path: Path) -> None:
    workers = Scripted()
    found = dispatched(workers, rows(9), tmp_path)
    assert [(each.row, each.state) for each in found] == [(number, "made") for number in range(1, 10)]
    assert sorted(number for _, number in workers.given) == list(range(1, 10))
    assert (workers.most, workers.starts) == (4, 1)
    # By the order in which they were over it would be another.
    assert workers.given[0] == (0, 1)


def test_an_early_row_that_takes_long_holds_up_so_many_and_no_more(tmp_path: Path) -> None:
    read = []

    def watched() -> Any:
        for row in rows(500):
            read.append(row.number)
            yield row

    found = Dispatch(Scripted(), watched(), Attempts(tmp_path, identity), print).outcomes()
    # The first worker, which has rows 1 and 2, is never asked while the other has any.
    assert next(found).row == 1
    assert 64 <= len(read) <= 64 + 4 + 1
    assert [each.row for each in found] == list(range(2, 501))


def test_a_table_of_which_nothing_is_left_needs_no_worker(tmp_path: Path) -> None:
    workers = Scripted()
    assert dispatched(workers, [], tmp_path) == []
    found = dispatched(workers, rows(100, range(1, 101)), tmp_path)
    assert [(each.row, each.state, each.error["message"]) for each in found] == [
        (n, "failed", "odd.") for n in range(1, 101)
    ]
    assert workers.starts == 0


def test_a_row_that_ends_three_workers_is_put_aside_and_others_are_not_to_blame(tmp_path: Path) -> None:
    said: list[str] = []
    workers = Scripted(count=1, kills=[2])
    found = dispatched(workers, rows(4), tmp_path, said)
    assert [each.state for each in found] == ["made", "aside", "made", "made"]
    assert (
        found[1].error["message"]
        == "It has ended 3 workers and is put aside. The last one was killed by 2 Delete attempts.json to try it again."
    )
    assert said == ["was killed by 2"] * 3
    known = json.loads((tmp_path / "attempts.json").read_text())
    assert known == {"r2": {"row": "r2 0", "ends": 3, "last": "was killed by 2"}}
    # A driver that is started again knows it, and needs no worker for it.
    again = Scripted(count=1, kills=[2])
    assert [each.state for each in dispatched(again, rows(2)[1:], tmp_path)] == ["aside"]
    assert again.starts == 0
    # Another row of this name begins anew.
    other = dispatched(Scripted(count=1, kills=[2]), [Row(2, "r2", 5, {})], tmp_path)
    assert (other[0].state, json.loads((tmp_path / "attempts.json").read_text())["r2"]["ends"]) == ("aside", 3)


def test_ends_are_counted_over_drivers_and_forgotten_when_a_row_is_over(tmp_path: Path) -> None:
    for ends in (1, 2):
        workers = Scripted(count=1, kills=[1])
        running = Dispatch(workers, rows(1), Attempts(tmp_path, identity), lambda _: None)
        # The driver ends with the worker.
        with pytest.raises(KeyboardInterrupt):
            _until_it_dies(running)
        assert json.loads((tmp_path / "attempts.json").read_text())["r1"]["ends"] == ends
    assert [each.state for each in dispatched(Scripted(count=1), rows(1), tmp_path)] == ["made"]
    assert not (tmp_path / "attempts.json").exists()


def _until_it_dies(running: Dispatch) -> None:
    take = running._mourn

    def mourn(event: Died) -> None:
        take(event)
        raise KeyboardInterrupt

    running._mourn = mourn  # type: ignore[method-assign]
    list(running.outcomes())


def test_workers_that_end_before_they_are_ready_are_an_error(tmp_path: Path) -> None:
    class Broken(Scripted):
        def start(self) -> None:
            self.events = [Died(0, "was killed (SIGILL)")] * 2

        def wait(self, seconds: float) -> list[Event]:
            return [Died(0, "was killed (SIGILL)")]

    with pytest.raises(
        RunError, match=r"Workers end before they have loaded the pipeline. The last one was killed \(SIGILL\)"
    ):
        dispatched(Broken(), rows(1), tmp_path)


def test_a_worker_that_cannot_have_the_pipeline_ends_all(tmp_path: Path) -> None:
    refused = Ready(
        1, error={"type": "CompositionError", "message": "", "faults": ["worker a: paint: the code differs."]}
    )
    with pytest.raises(CompositionError, match="worker a: paint: the code differs"):
        dispatched(Scripted(events=[refused]), rows(1), tmp_path)


def test_all_workers_have_loaded_the_same(tmp_path: Path) -> None:
    from painted import Other, Paint

    from brickwork import SequentialPipelineBlocks
    from brickwork.scale.record import record_of

    one, other = (
        record_of(SequentialPipelineBlocks.from_blocks_dict({"paint": each}).init_pipeline()) for each in (Paint, Other)
    )
    same = Scripted(events=[Ready(0, one), Ready(1, one)])
    assert len(dispatched(same, rows(2), tmp_path)) == 2
    with pytest.raises(ComponentError, match="painted:Paint, and .*painted:Other"):
        dispatched(Scripted(events=[Ready(0, one), Ready(1, other)]), rows(1), tmp_path)


@pytest.mark.parametrize(
    "text", ["[1]", "{", '{"a": {"row": "x", "ends": "many", "last": ""}}', '{"a": {"row": "x"}}', '{"a": 3}']
)
def test_a_file_of_attempts_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "attempts.json").write_text(text)
    with pytest.raises(RepoError, match=r"attempts.json does not say how often rows have ended workers .* delete it"):
        Attempts(tmp_path, identity)
