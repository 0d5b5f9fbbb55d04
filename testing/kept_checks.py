"""Checks of what is between runs: what is kept, the order of calls, results that change later, threads."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .block_report import BlockFault
from .block_runs import BlockRuns, Values, content, differences, seeded
from .block_traces import traces_of
from .made_values import own_values
from .run_checks import error_words

THREADS, ROUNDS = 4, 6


def kept(runs: BlockRuns, before: Mapping[str, str]) -> Iterator[BlockFault]:
    """Yield what runs have left behind; `before` is `traces_of` the block when it had not run."""
    after = traces_of(runs.block)
    for place in dict.fromkeys([*before, *after]):
        if before.get(place) != after.get(place):
            what = "is another one" if place in before and place in after else "is new" if place in after else "is gone"
            yield BlockFault(
                "keeps nothing", runs.name, f"keeps something from run to run: {place}",
                "a block is the same before and after a run", f"{place} {what} after the run",
                "Hand it on as a value (an input and an output), or keep what one run needs in `Memo` (self.memo).",
            )  # fmt: skip


def in_order(runs: BlockRuns, inputs: Sequence[Mapping[str, Any]]) -> Iterator[BlockFault]:
    """Run one input after the other and back, and yield what hangs on that, or is changed afterwards."""
    held: list[tuple[Values, Values, dict[str, str]]] = []
    for values in [*inputs, *reversed(inputs)]:
        given = own_values(values)
        with seeded(1):
            written = runs.alone_with(given)
        written.pop("self", None)
        held.append((given, written, {name: content(each) for name, each in written.items()}))
    for (_, one, marks), (_, other, again) in zip(held, reversed(held), strict=True):
        for name in one.keys() & other.keys():
            if marks[name] != again[name]:
                yield BlockFault(
                    "same again", f"{runs.name}: the output {name}", "hangs on which inputs were run before",
                    "the same for the same inputs", "another one after a run with other inputs",
                    "Keep nothing from run to run.",
                )  # fmt: skip
    for _, written, marks in held:
        for name, each in written.items():
            if content(each) != marks[name]:
                yield BlockFault(
                    "nothing edited", f"{runs.name}: the output {name}", "is changed by a later run",
                    "what a run has returned stays as it is", f"{name} holds other numbers after the next run",
                    "Return a new object in each run, and hold none that was returned or given.",
                )  # fmt: skip


def threads_apart(runs: BlockRuns, inputs: Sequence[Mapping[str, Any]]) -> Iterator[BlockFault]:
    """Run a pipeline in threads at once, each with its own inputs, and compare with one after the other."""
    pipe = runs.among_others()
    alone = [runs.in_pipeline(pipe, values) for values in inputs]
    start, found = threading.Barrier(THREADS), list[BlockFault]()

    def work(number: int) -> None:
        place = number % len(inputs)
        start.wait(30)
        for _ in range(ROUNDS):
            try:
                now = runs.in_pipeline(pipe, inputs[place])
            except Exception as error:  # noqa: BLE001 - whatever an author's code raises is what is looked for
                found.append(_of_threads(runs.name, "fails in threads", error_words(error)))
                return
            for name, words in differences(alone[place], now).items():
                found.append(_of_threads(f"{runs.name}: the output {name}", "is another one in threads", words[1]))
                return

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        workers = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(300)
    finally:
        sys.setswitchinterval(interval)
    yield from found[:1]


def _of_threads(where: str, what: str, got: str) -> BlockFault:
    return BlockFault(
        "threads", where, what, f"the same in {THREADS} threads at once as one after the other", got,
        "Two runs share the class, globals and components: keep what a run needs in its own names, or in `Memo` (self.memo).",
    )  # fmt: skip
