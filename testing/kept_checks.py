"""Checks of what is between runs: what is kept, the order of calls, results that change later, threads."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..engine.execution.checkpoint import are_generators
from .block_report import BlockFault
from .block_runs import BlockRuns, Values, content, differences, seeded
from .block_traces import caches_in_code, traces_of, uses_sets
from .made_values import own_values, tensors_in
from .run_checks import Marks, error_words, marks_of

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


def held_inputs(runs: BlockRuns, values: Mapping[str, Any]) -> Iterator[BlockFault]:
    """Yield the inputs that something still holds when the run is over and its outputs are gone."""
    given = own_values(values)
    of_caller = {id(each) for value in values.values() for each in tensors_in(value)}
    held = {n: [weakref.ref(t) for t in tensors_in(each) if id(t) not in of_caller] for n, each in given.items()}
    with seeded(1):
        runs.alone_with(given)
    given.clear()
    if any(ref() is not None for refs in held.values() for ref in refs):
        gc.collect()  # what refers to itself in a circle
    for name, refs in held.items():
        if any(ref() is not None for ref in refs):
            yield BlockFault(
                "keeps nothing", runs.name, f"holds on to its input {name} after the run",
                "nothing holds the inputs of a run that is over", f"{name} is still in memory",
                "Hand it on as an output, or keep what one run needs in `Memo` (self.memo).",
            )  # fmt: skip


def in_order(runs: BlockRuns, inputs: Sequence[Mapping[str, Any]]) -> Iterator[BlockFault]:
    """Run one input after the other and back, and yield what hangs on that, or is changed afterwards."""
    held: list[tuple[Values, dict[str, str]]] = []
    earlier: list[tuple[Values, Marks]] = []
    for values in [*inputs, *reversed(inputs)]:
        given = own_values(values)
        with seeded(1):
            written = runs.alone_with(given)
        written.pop("self", None)
        held.append((written, {name: content(each) for name, each in written.items()}))
        earlier.append((given, marks_of(given)))
    yield from _edited_later(runs, earlier)
    yield from _stale(runs, inputs[-1])
    for (one, marks), (other, again) in zip(held, reversed(held), strict=True):
        for name in one.keys() & other.keys():
            if marks[name] != again[name]:
                yield BlockFault(
                    "same again", f"{runs.name}: the output {name}", "hangs on which inputs were run before",
                    "the same for the same inputs", "another one after a run with other inputs",
                    "Keep nothing from run to run.",
                )  # fmt: skip
    for written, marks in held:
        for name, each in written.items():
            if content(each) != marks[name]:
                yield BlockFault(
                    "nothing edited", f"{runs.name}: the output {name}", "is changed by a later run",
                    "what a run has returned stays as it is", f"{name} holds other numbers after the next run",
                    "Return a new object in each run, and hold none that was returned or given.",
                )  # fmt: skip


def _edited_later(runs: BlockRuns, earlier: Sequence[tuple[Values, Marks]]) -> Iterator[BlockFault]:
    for given, before in earlier:
        after = marks_of(given)
        for name, each in given.items():
            if not are_generators(each) and after[name] != before[name]:
                yield BlockFault(
                    "nothing edited", runs.name, f"changes the input {name} of an earlier run",
                    "inputs stay as they are: the caller, earlier states and caches hold the same object",
                    f"{name} holds something else after the next run", "Hold nothing that was given.",
                )  # fmt: skip


def _stale(runs: BlockRuns, values: Mapping[str, Any]) -> Iterator[BlockFault]:
    caches = caches_in_code(runs.block)
    if not caches:
        return
    with seeded(1):
        before = runs.alone(values)
    for each in caches:
        each.cache_clear()
    with seeded(1):
        after = runs.alone(values)
    for name, (kept, computed) in differences(before, after).items():
        yield BlockFault(
            "same again", f"{runs.name}: the output {name}", "comes from a functools.cache, though it hangs on more than its key",
            computed, kept, "Cache by all that the result hangs on; a tensor is no key: tell the function numbers and shapes alone.",
        )  # fmt: skip


class _OtherOrder(str):
    """A text that sets put elsewhere, as another process does with every text."""

    __slots__ = ("salt",)
    salt: int

    def __hash__(self) -> int:
        return (
            sum((place + self.salt) * ord(letter) for place, letter in enumerate(self, 1)) * (2 * self.salt + 1) % 1009
        )


def in_order_of_sets(runs: BlockRuns, values: Mapping[str, Any]) -> Iterator[BlockFault]:
    """Yield the outputs that hang on the order of texts in a set: each process has another one."""
    if not uses_sets(runs.block):
        return
    before: Values | None = None
    for salt in range(8):
        try:
            with seeded(1):
                now = runs.alone({name: _salted(each, salt) for name, each in values.items()})
        except Exception:  # noqa: BLE001 - what takes no texts but Python's own says nothing of this
            return
        for name, words in differences(before or now, now).items():
            yield BlockFault(
                "same again", f"{runs.name}: the output {name}", "hangs on the order of a set, which is another one in each process",
                words[0], words[1], "Sort it, or use `dict.fromkeys(...)`, which keeps the order.",
            )  # fmt: skip
            return
        before = now


def _salted(value: Any, salt: int) -> Any:
    if type(value) is str:
        made = _OtherOrder(value)
        made.salt = salt
        return made
    return type(value)(_salted(each, salt) for each in value) if type(value) in (list, tuple) else value


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
