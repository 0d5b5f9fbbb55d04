"""`check_block`: makes inputs from what a block declares, and looks whether it does what pipelines rely on."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from attrs import define, field

from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.flattening import walk
from ..blocks.core.from_diffusers import adopt
from ..state import BrickworkError, InputError
from ..state.errors import did_you_mean
from .block_report import BlockFault, BlockReport
from .block_runs import BlockRuns, content, seeded
from .block_traces import traces_of
from .declared_checks import unread_inputs, unwritten_outputs
from .kept_checks import held_inputs, in_order, in_order_of_sets, kept, threads_apart
from .made_values import Maker
from .place_checks import (
    in_a_cache,
    in_a_pipeline,
    in_other_formats,
    in_other_layouts,
    on_another_device,
    outside_reads,
    saved_and_opened,
    unread_options,
)
from .process_checks import ProcessMarks, leaves_process, uses_what_will_go
from .run_checks import NotToldError, RefusedError, error_words, examine, failed_at, given_words, identities, mutated

if TYPE_CHECKING:
    from types import ModuleType

CHECKS = (
    "runs", "outputs", "same again", "chance", "nothing edited", "keeps nothing", "components", "in a pipeline",
    "nothing from outside", "options", "inputs", "process", "deprecations", "cache", "save and open", "dtypes", "layout", "device",
    "threads",
)  # fmt: skip
"""Names of all checks, as in reports."""
_SINGLE = CHECKS[:5]
_WITHOUT_RUN = (*_SINGLE, "keeps nothing", "components", "nothing from outside", "options", "inputs")
_COMES_FIRST = frozenset({"outputs", "same again", "chance", "nothing edited", "keeps nothing"})
_COMES_AFTER = ("in a pipeline", "cache", "save and open", "threads")


def check_block(
    block: type[Any] | Any,
    *,
    components: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    examples: int = 10,
    skip: Iterable[str] = (),
    raise_faults: bool = True,
) -> BlockReport:
    """Check a block: that it runs with what it declares, gives what it declares, and keeps to what pipelines rely on.

    Inputs are made of the declaration: sizes of named dimensions, numbers within their range, every member of a union, with
    and without what is optional, a batch of one and of two. It must run alone and in a pipeline alike, give the same again,
    edit nothing that it was given, keep nothing between runs, come from a cache as computed, survive being saved and opened,
    run in half precision, stay on the device of its inputs, and run in threads at once.

    Args:
        block: a class or an instance, also one of diffusers' modular pipelines; what speaks of roles is bound to a family.
        components: by name, small ones: they are run some hundred times, and copied.
        inputs: by name, in place of made ones, such as a `prompt` that a tokenizer knows.
        examples: how many inputs hypothesis makes besides those that are always tried.
        skip: names of checks (`CHECKS`) that mean nothing for this block.
        raise_faults: False returns the report of faults in place of the error.

    Raises:
        BlockFaultsError: an AssertionError that lists what was found.
        InputError: an input cannot be made of its type, and must be given; a check in `skip` is unknown; hypothesis is missing.
        ComponentError: a component must be given.

    Example:
        >>> class Twice(Block):
        ...     class Out(Outputs):
        ...         latents: Latents
        ...
        ...     def run(self, latents: Latents) -> Out:
        ...         latents *= 2
        ...         return self.Out(latents=latents)
        >>> check_block(Twice, raise_faults=False).faults[0].what
        'changes its input latents in place'
    """
    _hypothesis()
    unknown = sorted({*skip} - {*CHECKS})
    if unknown:
        raise InputError(f"skip={unknown[0]!r} is no check. {did_you_mean(unknown[0], CHECKS)}")
    made: ModularPipelineBlocks = adopt(block)
    try:
        runs = BlockRuns(made, components or {})
    except (BrickworkError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever an author's code raises is what is looked for
        name = made.source_class.__name__
        return _reported(
            BlockReport(name, (failed_at(name, "in a pipeline", error),), ("in a pipeline",)), raise_faults
        )
    # Of a composition of several families, what all of them take.
    multiple = math.lcm(*(each.family.image_multiple for _, each in walk(made)))
    maker = Maker(runs.name, made.all_inputs, inputs or {}, multiple)
    process = ProcessMarks()
    try:
        with seeded(0):
            report = _Checking(runs, maker, process, frozenset(skip), examples).report()
    finally:
        process.put_back()
    return _reported(report, raise_faults)


def _reported(report: BlockReport, raise_faults: bool) -> BlockReport:
    if raise_faults:
        report.raise_faults()
    return report


def _hypothesis() -> ModuleType:
    if importlib.util.find_spec("hypothesis") is None:
        raise InputError("check_block needs hypothesis, which makes the inputs: pip install hypothesis")
    import hypothesis

    return hypothesis


@define(eq=False)
class _Checking:
    """Checks one block, one check after the other."""

    runs: BlockRuns
    maker: Maker
    process: ProcessMarks
    skip: frozenset[str]
    examples: int
    found: dict[tuple[str, str, str], BlockFault] = field(factory=dict)
    not_checked: dict[str, str] = field(factory=dict)
    refused: list[str] = field(factory=list)
    accepted: list[dict[str, Any]] = field(factory=list)

    def report(self) -> BlockReport:
        """Make all checks."""
        self.not_checked |= dict.fromkeys(self.skip, "asked to be left out")
        traces = traces_of(self.runs.block)
        before = identities(self.runs.components, self.runs.block.mutated_names())
        self._try("nothing from outside", lambda: outside_reads(self.runs))
        self._try("options", lambda: unread_options(self.runs))
        seen = list[dict[str, str]]()
        for values in self._plain_inputs():
            marks = content_of(values)
            if marks not in seen:
                seen.append(marks)
                self._examine(values)
        if self.accepted:
            self._search()
        self._try("inputs", lambda: unread_inputs(self.runs, self.accepted))
        self._try("outputs", lambda: unwritten_outputs(self.runs, self.accepted))
        self._try("keeps nothing", lambda: kept(self.runs, traces))
        self._try("components", lambda: mutated(self.runs, before))
        if self.accepted:
            self._try("keeps nothing", lambda: held_inputs(self.runs, self.accepted[0]))
            self._try("process", lambda: leaves_process(self.runs, self.accepted[0], self.process))
            self._try("deprecations", lambda: uses_what_will_go(self.runs, self.accepted[0]))
            self._elsewhere()
        else:
            why = f"it refuses all made inputs: {self.refused[-1]}" if self.refused else "it does not run"
            self.not_checked |= {name: why for name in CHECKS if name not in (*_WITHOUT_RUN, *self.not_checked)}
            if self.refused and not self.found:
                names = [str(param.name) for param in self.maker.params if param.required]
                raise InputError(f"{self.runs.name}: {why} Give some that fit: {given_words(self.runs.name, names)}.")
        faults = tuple(each for each in self.found.values() if each.check not in self.skip)
        checked = tuple(name for name in CHECKS if name not in self.not_checked)
        return BlockReport(self.runs.name, faults, checked, self.not_checked)

    def _plain_inputs(self) -> Iterator[dict[str, Any]]:
        """Yield the inputs that are always tried; the first are those of all further checks."""
        yield self.maker.plain()
        yield self.maker.plain(seed=1)
        if self.maker.has_rows:
            yield self.maker.plain(rows=1)
        yield self.maker.plain(whole=False)
        yield from (self.maker.plain(form=form) for form in range(1, self.maker.forms))
        yield from self.maker.at_bounds()

    def _examine(self, values: dict[str, Any]) -> list[BlockFault]:
        try:
            faults = [each for each in examine(self.runs, values) if each.check not in self.skip]
        except RefusedError as error:
            self.refused.append(str(error))
            return []
        if not any(each.check in ("runs", "outputs") for each in faults):
            self.accepted.append(values)
        self._note(faults)
        return faults

    def _note(self, faults: Iterable[BlockFault]) -> None:
        for each in faults:
            # One of a kind, at one place: ten inputs that show it are one fault.
            self.found.setdefault((each.check, each.where, "" if each.check == "runs" else each.what), each)

    def _search(self) -> None:
        """Let hypothesis look for further inputs, and for the smallest that shows a fault."""
        if not self.maker.made or any(key[0] in _SINGLE for key in self.found):
            return
        hypothesis = _hypothesis()
        smallest: list[list[BlockFault]] = []

        def holds(values: dict[str, Any]) -> None:
            try:
                faults = [each for each in examine(self.runs, values) if each.check not in self.skip]
            except RefusedError:
                hypothesis.reject()
            if faults:
                smallest.append(faults)
                raise _FoundError

        settings = hypothesis.settings(
            max_examples=self.examples, database=None, derandomize=True, deadline=None, print_blob=False,
            suppress_health_check=list(hypothesis.HealthCheck), report_multiple_bugs=False,
        )  # fmt: skip
        # The last that was looked at is the smallest.
        with suppress(_FoundError, hypothesis.errors.HypothesisException):
            settings(hypothesis.given(self.maker.strategy())(holds))()
        if smallest:
            self._note(smallest[-1])

    def _elsewhere(self) -> None:
        runs, (first, other) = self.runs, self._two_inputs()
        self._try("same again", lambda: in_order(runs, [first, other]))
        self._try("same again", lambda: in_order_of_sets(runs, first))
        first_of_all = sorted({key[0] for key in self.found} & _COMES_FIRST)
        if first_of_all:
            # What hangs on earlier runs is another one everywhere, and ten faults would be one.
            self.not_checked |= dict.fromkeys(
                _COMES_AFTER, f"first mend what {' and '.join(map(repr, first_of_all))} found"
            )
        else:
            self._try("in a pipeline", lambda: in_a_pipeline(runs, first))
            self._try("cache", lambda: in_a_cache(runs, first, other))
            self._try("save and open", lambda: saved_and_opened(runs, first))
            self._try("threads", lambda: threads_apart(runs, [first, other]))
        self._try("dtypes", lambda: in_other_formats(runs, first))
        self._try("layout", lambda: in_other_layouts(runs, first))
        self._try("device", lambda: on_another_device(runs, first))

    def _two_inputs(self) -> list[dict[str, Any]]:
        """Return the first two inputs that a pipeline takes: it refuses some that are the whole run's, and not the block's."""
        pipe, found = self.runs.among_others(), list[dict[str, Any]]()
        for values in self.accepted:
            try:
                self.runs.in_pipeline(pipe, values)
            except InputError:
                continue
            except Exception:  # noqa: BLE001, S110 - the checks will say it
                pass
            found.append(values)
            if len(found) > 1:
                break
        return (found or self.accepted[:1]) * (2 if len(found) < 2 else 1)

    def _try(self, name: str, check: Callable[[], Iterator[BlockFault]]) -> None:
        if name in self.skip:
            return
        try:
            self._note(check())
        except NotToldError as error:
            self.not_checked[name] = str(error)
        except Exception as error:  # noqa: BLE001 - whatever an author's code raises is what is looked for
            if self.found:
                self.not_checked[name] = f"the block fails there: {error_words(error)}"
            else:
                self._note([failed_at(self.runs.name, name, error)])


class _FoundError(Exception):
    """An input shows a fault."""


def content_of(values: Mapping[str, Any]) -> dict[str, str]:
    """Return what tells inputs from others."""
    return {name: content(each) for name, each in values.items()}
