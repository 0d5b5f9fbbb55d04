"""`Merger`: calls of one network from several runs become one forward. Each run keeps everything else of its own.

What the servers of the field call continuous batching, by step: runs join and leave at any step, because only the network is shared.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from attrs import define, field

from ...registry.compilation import compiled_parts
from ...state import InputError
from ...state.errors import RunCancelledError
from ..execution.out_of_memory import is_out_of_memory
from ..network_calls import RowArguments
from .merge_key import context_fault, merge_key, network_fault
from .merged_arguments import NotMergeableError, call_with, divided, merged_arguments, named_arguments, rows_of

_LOOK = 0.02
"""Seconds after which a call that waits looks whether its run was cancelled."""
_FIRST_GUESS = 0.05
"""Seconds that a forward takes of which none was seen."""
_MOST_KEYS = 4096
"""Kinds of calls whose last time is known; a server sees new ones for days."""


@define(eq=False)
class _Call:
    """A call that waits to be made."""

    member: MergedRun
    key: Any
    arguments: dict[str, Any]
    rows: int
    came: float = field(factory=time.perf_counter)
    result: Any = None
    error: BaseException | None = None
    state: Literal["waiting", "taken", "done", "alone"] = "waiting"
    """"taken" by the thread that computes; "alone": to be made by its own."""
    group: list[_Call] = field(factory=list)
    """Those that its thread has taken."""


_SHARED = (
    "the cache gave results of forwards that were shared with other runs, so another run is equal within rounding only"
)


@define(eq=False)
class MergedRun:
    """A run as its merger sees it; it takes the run's calls.

    Attributes:
        loops: keys of the calls that it makes in each loop in which it stands, outermost first. is_busy: it waits, or its call is made.
        is_late: others have waited for it in vain. shared: forwards that it shared with others.
    """

    merger: Merger
    is_cancelled: Callable[[], bool]
    loops: list[set[Any]] = field(factory=list)
    is_busy: bool = False
    is_late: bool = False
    shared: int = 0
    _faults: dict[int, str | None] = field(factory=dict)
    _compiled: dict[int, bool] = field(factory=dict)

    @contextmanager
    def looping(self) -> Iterator[None]:
        """While the run stands in a loop, others may wait for its next call."""
        with self.merger._changed:
            self.loops.append(set())
        try:
            yield
        finally:
            with self.merger._changed:
                self.loops.pop()
                self.merger._changed.notify_all()

    def __call__(
        self, declared: RowArguments, network: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Make a call of the run, with those of others where there are such."""
        try:
            call = self._call(declared, network, args, kwargs)
        except NotMergeableError as reason:
            self.merger._count(str(reason))
            return network(*args, **kwargs)
        return self.merger._made(network, declared, call)

    @property
    def notes(self) -> list[str]:
        """What the recipe says of it: forwards of any size round by who else was there."""
        if self.merger.bucket is not None or not self.shared:
            return []
        return [f"{self.shared} forwards were shared with other runs, so another run is equal within rounding only"]

    def shared_beyond(self, count: int) -> list[str]:
        """Return what is to be said of a result that is kept, where forwards were shared since there were so many."""
        return [_SHARED] if self.merger.bucket is None and self.shared > count else []

    def note_fault(self, network: Any, reason: str) -> None:
        """Make calls of a network alone from here on."""
        self._faults[id(network)] = reason

    def may_make(self, key: Any) -> bool:
        """Return whether it may soon make a call that could be merged with those of a key."""
        if not self.loops or self.is_busy or self.is_late:
            return False
        known = self.loops[-1]
        return not known or key in known

    def _call(
        self, declared: RowArguments, network: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> _Call:
        """Return what is to be made, or raise why the call is made alone."""
        if not self.loops:
            raise NotMergeableError("it is outside of a loop")
        if id(network) not in self._faults:
            # Once a run: it looks at every module.
            self._compiled[id(network)] = is_compiled = bool(compiled_parts(network))
            self._faults[id(network)] = network_fault(network, declared, is_compiled and self.merger.bucket is None)
        if reason := self._faults[id(network)] or context_fault(self._compiled[id(network)]):
            raise NotMergeableError(reason)
        arguments = named_arguments(network, args, kwargs)
        rows = rows_of(arguments)
        if rows > self.merger.rows:
            raise NotMergeableError(f"it has more rows than a forward may have ({self.merger.rows})")
        return _Call(self, merge_key(network, arguments, declared, rows), arguments, rows)  # type: ignore[arg-type]  # a module, else it has a fault


_ROWS = 16


def _check_rows(_: object, attribute: Any, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{attribute.name}={value!r:.100}: it is a number of rows from 1 on.")


@define(eq=False)
class Merger:
    """Lets runs share forwards of their networks: `pipe.configure(merge=Merger(rows=16))`, also for several pipelines with one network.

    Calls are merged that are made in loops through `call_rows`, as every family's are, if module, shapes, dtypes and everything else is
    alike that is no row. Each run keeps its scheduler, timesteps, guider, previews and seeds. Without `bucket` a result is within rounding
    of the run alone (1e-5); with it every forward has that number of rows, and a run gives the same bits whoever else is there. Runs that
    are placed by `enable_auto_cpu_offload`, or load components just in time, follow each other and share nothing.

    Attributes:
        rows: at most, in one forward. bucket: every forward has so many rows, those that are missing are computed for nobody.
        patience: how long a call waits for runs which stand in a loop, in parts of the last forward.
        forwards: that were made, by number of calls in them. alone: calls that were made alone, by the reason.
    """

    rows: int = field(default=_ROWS, validator=_check_rows)
    bucket: int | None = field(default=None)
    patience: float = field(default=0.5)
    forwards: Counter[int] = field(factory=Counter, init=False)
    alone: Counter[str] = field(factory=Counter, init=False)
    _changed: threading.Condition = field(factory=threading.Condition, init=False, repr=False)
    _runs: set[MergedRun] = field(factory=set, init=False, repr=False)
    _waiting: list[_Call] = field(factory=list, init=False, repr=False)
    _computing: set[int] = field(factory=set, init=False, repr=False)
    _free_since: dict[int, float] = field(factory=dict, init=False, repr=False)
    _took: dict[Any, float] = field(factory=dict, init=False, repr=False)
    _most: dict[int, int] = field(factory=dict, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.bucket is not None:
            _check_rows(None, type(self).__attrs_attrs__.bucket, self.bucket)
            if self.rows not in (_ROWS, self.bucket):
                raise InputError(
                    f"rows={self.rows} and bucket={self.bucket}: with bucket every forward has just so many rows. Give one of the two."
                )
            self.rows = self.bucket
        if isinstance(self.patience, bool) or not isinstance(self.patience, (int, float)) or not self.patience >= 0:
            raise InputError(f"patience={self.patience!r:.100}: it is a number from 0 on, in parts of a forward.")

    @property
    def identity(self) -> str:
        """What results hang on, for the cache and for recipes."""
        return f"rows: {self.bucket}" if self.bucket is not None else "merged with those of other runs"

    @contextmanager
    def joined(self, is_cancelled: Callable[[], bool]) -> Iterator[MergedRun]:
        """A run that takes part, until it is over.

        Args:
            is_cancelled: asked while a call waits.
        """
        run = MergedRun(self, is_cancelled)
        with self._changed:
            self._runs.add(run)
        try:
            yield run
        finally:
            with self._changed:
                self._runs.discard(run)
                if not self._runs:
                    # Networks may be gone when the next run begins, and others stand at their addresses.
                    for kept in (self._free_since, self._took, self._most):
                        kept.clear()
                self._changed.notify_all()

    def _count(self, reason: str) -> None:
        with self._changed:
            self.alone[reason] += 1

    def _made(self, network: Any, declared: RowArguments, call: _Call) -> Any:
        """Make a call, together with others or as one of those that another thread makes."""
        try:
            if group := self._group(call):
                self._compute(network, declared, group)
        except BaseException:
            # Ctrl-C, between taking and computing: nobody waits for what this thread does not do.
            self._abandon(call.group)
            raise
        if call.state == "alone":
            # One of the merged calls has failed: each for itself, so that only the wrong one fails; padded as before. It does not count
            # as busy, so that those that are faster wait for its next call.
            self._compute(network, declared, [call])
        if isinstance(call.error, NotMergeableError):
            # What it returns has no rows: known from here on.
            call.member.note_fault(network, str(call.error))
            self._count(str(call.error))
            return call_with(network, call.arguments)
        if call.error is not None:
            raise call.error
        return call.result

    def _group(self, call: _Call) -> list[_Call]:
        """Wait, and return the calls that this thread makes; none where another one has made it."""
        member, key = call.member, call.key
        with self._changed:
            self._waiting.append(call)
            member.is_busy, member.is_late = True, False
            member.loops[-1].add(key)
            self._changed.notify_all()
            try:
                while call.state in ("waiting", "taken"):
                    if call.state == "waiting":
                        if member.is_cancelled():
                            raise RunCancelledError("The run was cancelled while its network was waited for.")
                        if (group := self._next(key[0])) and group[0] is call:
                            return self._taken(group)
                    self._changed.wait(self._pause(key))
            except BaseException:
                if call in self._waiting:
                    self._waiting.remove(call)
                member.is_busy = call.state == "taken"
                self._changed.notify_all()
                raise
        return []

    def _next(self, network: int) -> list[_Call]:
        """Return the calls that are to be made now: of those that wait for nobody any more, with the one that came first."""
        if network in self._computing:
            return []
        now = time.perf_counter()
        groups: dict[Any, list[_Call]] = {}
        for call in self._waiting:
            if call.key[0] == network:
                groups.setdefault(call.key, []).append(call)
        for key, calls in groups.items():
            group, rows = [calls[0]], calls[0].rows
            most = min(self.rows, self._most.get(network, self.rows))
            for call in calls[1:]:
                if rows + call.rows <= most:
                    group.append(call)
                    rows += call.rows
            absent = [run for run in self._runs if run.may_make(key)]
            is_over = now >= self._deadline(key, calls[0])
            if len(group) < len(calls) or rows >= most or not absent or is_over:
                if is_over:
                    for run in absent:
                        # It may be held up outside of the network, by a slow reader: it is not waited for again.
                        run.is_late = True
                return group
        return []

    def _deadline(self, key: Any, first: _Call) -> float:
        """Until when the first call of a group waits for others: its patience begins when the network is free."""
        return max(first.came, self._free_since.get(key[0], 0.0)) + self.patience * self._took.get(key, _FIRST_GUESS)

    def _pause(self, key: Any) -> float:
        """How long to wait for news: until the patience is over, and not past a look at whether the run was cancelled."""
        if key[0] in self._computing:
            return _LOOK
        first = next((each for each in self._waiting if each.key == key), None)
        left = _LOOK if first is None else self._deadline(key, first) - time.perf_counter()
        return min(max(left, 0.0005), _LOOK)

    def _abandon(self, group: list[_Call]) -> None:
        with self._changed:
            left = [call for call in group if call.state == "taken"]
            for call in left:
                call.state, call.member.is_busy = "alone", False
            if left:
                self._computing.discard(left[0].key[0])
                self._changed.notify_all()

    def _taken(self, group: list[_Call]) -> list[_Call]:
        group[0].group = group
        for call in group:
            call.state = "taken"
            self._waiting.remove(call)
        self._computing.add(group[0].key[0])
        return group

    def _compute(self, network: Any, declared: RowArguments, group: list[_Call]) -> None:
        """Make one forward for a group, and hand out what it returns."""
        started = time.perf_counter()
        results: list[Any] | None = None
        failed: BaseException | None = None
        try:
            results = self._forward(network, declared, group)
        except BaseException as error:  # noqa: BLE001 - it is raised again, in the thread of the call that it belongs to
            failed = error
        with self._changed:
            self._note(group, time.perf_counter() - started, failed)
            for index, call in enumerate(group):
                if results is not None:
                    call.state, call.result, call.error = "done", results[index], None
                else:
                    call.state, call.error = ("alone", None) if len(group) > 1 else ("done", failed)
                call.member.is_busy = False
                call.member.shared += len(group) > 1 and results is not None
            self._changed.notify_all()
        if isinstance(failed, (KeyboardInterrupt, SystemExit)) and len(group) > 1:
            # Meant for this thread, whose own call is one of several: it goes no further.
            raise failed

    def _note(self, group: list[_Call], seconds: float, failed: BaseException | None) -> None:
        network = group[0].key[0]
        self._computing.discard(network)
        self._free_since[network] = time.perf_counter()
        if failed is None:
            if len(self._took) > _MOST_KEYS:
                self._took.clear()
            self._took[group[0].key] = seconds
            self.forwards[len(group)] += 1
        elif len(group) > 1 and is_out_of_memory(failed):
            self._most[network] = max(1, sum(call.rows for call in group) // 2)

    def _forward(self, network: Any, declared: RowArguments, group: list[_Call]) -> list[Any]:
        counts = [call.rows for call in group]
        added = 0 if self.bucket is None else self.bucket - sum(counts)
        if len(group) == 1 and not added:
            return [call_with(network, group[0].arguments)]
        told = merged_arguments([call.arguments for call in group], declared, counts, added)
        return divided(call_with(network, told), counts, sum(counts) + added)
