"""Runs bound steps over a dict of values. A plain interpreter: all look-ups were made in the plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ...registry.loading.weights import byte_words
from ...state import InputError, PipelineState, RunError
from ...state.errors import RunCancelledError, nearest
from ...state.outputs import given_by_position
from ...state.pipeline_state import describe_value
from ..cache_unit import CacheUnit
from ..events import Emit, ValueReleased
from ..memory import tensor_bytes
from ..nodes import Call, Iterations, Values
from ..position import Frame, tracked
from ..progress import progress_bar
from ..witness import witnessed
from .call_events import IterationEvents, observed
from .checkpoint import checkpoint_bytes
from .finite_watch import FiniteWatch
from .in_place_watch import watched
from .out_of_memory import is_out_of_memory, relieve
from .process_chance import refusing_chance
from .second_try import with_second_try

if TYPE_CHECKING:
    from ..run import Run


@frozen(eq=False)
class Executable:
    """A step with its reads bound; one of the three kinds' fields is set. `checked` wraps a leaf's call.

    Attributes:
        uses: components that a block computes with. takes: values that it reads; None of what may read any.
        finite: what is looked at for NaN after each iteration. gradients: whether they are recorded in it; None as around it.
        unread: of each branch, what the caller gives to others alone.
        find_unit: says how its result is known, outside of loops. find_iteration: how that of one iteration of a loop is.
    """

    path: str
    prepare: Callable[[Run], Call] | None = None
    checked: Callable[[Call], Call] | None = None
    writes: tuple[str, ...] = ()
    mutates: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    takes: frozenset[str] | None = None
    body: tuple[Executable, ...] = ()
    prepare_iterations: Callable[[Run], Iterations] | None = None
    keeps: frozenset[str] = frozenset()
    carried: tuple[str, ...] = ()
    finite: tuple[str, ...] = ()
    gradients: bool | None = None
    variables: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    branches: Mapping[str, tuple[Executable, ...]] = field(factory=dict)
    select: Callable[[Values], str | None] | None = None
    unread: Mapping[str, Sequence[str]] = field(factory=dict)
    find_unit: Callable[[], CacheUnit | None] | None = None
    find_iteration: Callable[[], CacheUnit | None] | None = None

    # Worked out where the first run with a cache asks: to work it out costs as much as to bind a step, and most runs have no cache.
    @cached_property
    def unit(self) -> CacheUnit | None:
        """How its result is known; None within a loop, or where it cannot be known."""
        return None if self.find_unit is None else self.find_unit()

    @cached_property
    def iteration(self) -> CacheUnit | None:
        """How the result of one iteration is known; None of what is no loop."""
        return None if self.find_iteration is None else self.find_iteration()


def execute(
    executables: Sequence[Executable], run: Run, state: PipelineState, releases: Mapping[str, tuple[str, ...]]
) -> None:
    """Run steps in order, with gradients as the run's settings say.

    An exception keeps its class and gets a note: the path of the block, and the values at that point.

    Args:
        releases: path of a step to the values that nobody needs when it is done.
    """
    with _gradients(run.settings.grad):
        try:
            if releases:
                _once(executables, run, state.values, releases)
            else:
                _sequence(executables, run)(state.values)
        except BaseException as error:
            _add_location(error, state.values)
            # Only after the note was written: it describes the values, and `relieve` lets go of them.
            if is_out_of_memory(error):
                advice = [*run.advice(getattr(error, _BLOCK, "")), *_snapshot_advice()]
                relieve(error, state.values, advice, None if run.residency is None else run.residency.release)
                if run.cache is not None:
                    run.cache.store.leave_devices()
            raise


def _snapshot_advice() -> list[str]:
    """Say that snapshots hold memory of a device, which only who holds them can let go of."""
    size = checkpoint_bytes()[1]
    return [f"let go of snapshots, or take them to a file: those that are held keep {byte_words(size)}"] if size else []


def _gradients(mode: str) -> AbstractContextManager[object]:
    import torch

    if mode == "inherit":
        return nullcontext()
    return torch.inference_mode() if mode == "inference" else torch.no_grad()


def _own_gradients(recorded: bool | None) -> AbstractContextManager[object]:
    import torch

    return nullcontext() if recorded is None else torch.set_grad_enabled(recorded)


def _once(executables: Sequence[Executable], run: Run, values: Values, releases: Mapping[str, tuple[str, ...]]) -> None:
    """Run the top-level steps, each of which is forgotten when it is done, with all that it is bound to."""
    steps = _bound(executables, run)
    # Reversed, because taking the last of a list is cheap, and a step that was taken is held by nobody else.
    steps = [*(steps if run.tracker is None else run.tracker.remaining(steps, values))][::-1]
    while steps:
        step, path = steps.pop()
        try:
            if run.cancelled:
                raise RunCancelledError(f"The run was cancelled before {path}.")
            step(values)
            del step  # what it is bound to may hold values, too
            if path in releases:
                _release(releases[path], values, run.emit)
        except BaseException as error:
            _mark(error, path)
            raise


def _release(names: tuple[str, ...], values: Values, emit: Emit | None) -> None:
    for name in names:
        if name in values:
            value = values.pop(name)
            if emit is not None:
                emit(ValueReleased(name, tensor_bytes([value])))


def _bound(executables: Sequence[Executable], run: Run) -> list[tuple[Call, str]]:
    """Bind steps to this run; an error is marked with the path of the step that raised it."""
    steps: list[tuple[Call, str]] = []
    for executable in executables:
        try:
            # Where components stay, all steps are bound before the first runs: a block that cannot be bound fails
            # before anything was computed.
            step = _call_of(executable, run) if run.residency is None else _resident(executable, run)
        except BaseException as error:
            _mark(error, executable.path)
            raise
        if run.cache is not None and executable.unit is not None:
            # Outermost of all wrappers: a step whose result is known brings no component to the device and tells of
            # no block.
            step = run.cache.wrapped(step, executable.unit, run)
        steps.append((step, executable.path))
    return steps


def _sequence(executables: Sequence[Executable], run: Run) -> Call:
    """Make one call of several, which can be repeated."""
    steps = _bound(executables, run)

    def call(values: Values) -> None:
        for step, path in steps if run.tracker is None else run.tracker.remaining(steps, values):
            try:
                if run.cancelled:
                    raise RunCancelledError(f"The run was cancelled before {path}.")
                step(values)
            except BaseException as error:
                _mark(error, path)
                if (said := given_by_position(error)) is not None:
                    _mark(said, path)
                    raise said from error
                raise

    return call


def _call_of(executable: Executable, run: Run) -> Call:
    if executable.prepare is None:
        return _choice_call(executable, run) if executable.select is not None else _loop_call(executable, run)
    call = executable.prepare(run)
    if run.residency is not None:
        # Innermost: who listens, or keeps account, is told of one step.
        call = with_second_try(call, executable, run)
    if run.settings.check_values and executable.checked is not None:
        call = executable.checked(call)
    # The order of wrappers counts. Checks see what the block itself did; the witness notes what passed them; the
    # tracker tells of a step when all of that is over; events enclose everything, so that their time is what a person
    # waits.
    if run.settings.check_in_place:
        call = watched(call, executable.path)
    if run.witness is not None:
        call = witnessed(call, executable.path, executable.writes, run.witness)
    if run.tracker is not None and run.tracker.is_exact:
        call = refusing_chance(call, executable.path)
    if run.tracker is not None:
        call = tracked(call, executable.path, run.tracker)
    return call if run.emit is None else observed(call, executable.path, executable.writes, run.emit)


def _resident(executable: Executable, run: Run) -> Call:
    """Return a step that is bound to its components when it is reached, because they may not be there before."""
    residency = run.residency
    assert residency is not None
    bound: Call | None = None

    def call(values: Values) -> None:
        nonlocal bound
        with residency.during(executable.path, values):
            # Kept between the iterations of a loop: binding walks every component slot of every block.
            if bound is None:
                bound = _call_of(executable, run)
            bound(values)
            if residency.is_over(executable.path):
                bound = None

    return call


def _choice_call(executable: Executable, run: Run) -> Call:
    select = executable.select
    assert select is not None

    def choose(values: Values) -> None:
        tracker, branches = run.tracker, executable.branches
        going_on = tracker.entered(executable.path, run, values, branches) if tracker is not None else None
        name = select(values) if going_on is None else going_on.branch
        if name is None:
            return
        if not isinstance(name, str) or name not in branches:
            raise _no_branch(executable.path, name, branches)
        for given in executable.unread.get(name, ()):
            if values.get(given) is not None:
                run.warn(executable.path, f"{given} changes nothing: {name!r} runs, and does not read it")
        # Bound when it is chosen: the components of the other branches may not be loaded.
        branch = _sequence(branches[name], run)
        if tracker is None:
            branch(values)
            return
        tracker.following(branch, Frame(executable.path, branch=name))(values)
        tracker.tell(values, Frame(executable.path))

    return choose


def _no_branch(path: str, chosen: object, branches: Iterable[str]) -> RunError:
    kind = "" if isinstance(chosen, str) else f" ({type(chosen).__name__})"
    near = nearest(chosen, branches) if isinstance(chosen, str) else None
    return RunError(
        f"{path}: select_block chose {chosen!r}{kind}; the branches are {', '.join(branches)}. "
        f"{f'Did you mean {near!r}?' if near else 'Return the name of one of them, or None.'}"
    )


def _loop_call(executable: Executable, run: Run) -> Call:
    assert executable.prepare_iterations is not None
    iterations_of = executable.prepare_iterations(run)
    if executable.gradients and run.settings.grad == "inference":
        raise InputError(
            f'{executable.path} records gradients, which torch\'s inference mode cannot: pipe.configure(grad="no_grad"), and the loop '
            "records them by itself."
        )
    body = _sequence(executable.body, run)
    if run.cache is not None and run.cache.store.steps and executable.iteration is not None:
        body = run.cache.wrapped(body, executable.iteration, run)
    path, tracker = executable.path, run.tracker
    last = executable.body[-1].path if executable.body else path

    def loop(values: Values) -> None:
        going_on = tracker.entered(path, run, values) if tracker is not None else None
        before = frozenset(values) if going_on is None else going_on.before
        inputs = values if going_on is None else {**values, **going_on.inputs}
        # A run that goes on begins the loop with the values that it was given then, which its iterations may have
        # replaced since.
        iterations, length = iterations_of(inputs)
        iteration, one_iteration = 0, body
        hidden = {name: inputs[name] for name in executable.variables if name in before and name in inputs}
        if tracker is not None:
            iterations, iteration = tracker.iterations_left(iterations, going_on, values)
            given = {**{name: inputs[name] for name in executable.reads if name in inputs}, **hidden}
            one_iteration = tracker.following(body, Frame(path, iteration, None, before, given))
        # Nothing is made for who is not there: a loop without listeners, witness or tracker costs one call per
        # iteration.
        told = IterationEvents(path, length, run.emit, last) if run.emit is not None else None
        finite = FiniteWatch(path, executable.finite, iteration) if run.settings.check_values else None
        try:
            with (
                progress_bar(run.settings, length, iteration) as advance,
                nullcontext() if run.merged is None else run.merged.looping(),
                _own_gradients(executable.gradients),
            ):
                for variables in iterations:
                    values.update(variables)
                    if told is not None:
                        told.begin(iteration)
                    if run.witness is None:
                        one_iteration(values)
                    else:
                        with run.witness.iteration(path, iteration):
                            one_iteration(values)
                    if told is not None:
                        told.end(iteration, values)
                    if finite is not None:
                        finite.look(values)
                    iteration += 1
                    advance()
        except BaseException as error:
            _mark_iteration(error, path, iteration)
            raise
        if finite is not None:
            finite.report(lambda found: run.pass_on(found.path, found.text))
        # Loop variables and temporaries of the body end with the loop, and what a variable hid is seen again.
        for name in values.keys() - before - executable.keeps:
            del values[name]
        values.update(hidden)
        if tracker is not None:
            tracker.tell(values, Frame(path))

    return loop


_PATH = "__brickwork_path__"
_BLOCK = "__brickwork_block__"


def _mark(error: BaseException, path: str) -> None:
    if not hasattr(error, _PATH):
        setattr(error, _PATH, path)
        setattr(error, _BLOCK, path)


def _mark_iteration(error: BaseException, path: str, iteration: int) -> None:
    inner = getattr(error, _PATH, path)
    # The blocks of a loop that is the whole composition have paths of their own, without its name.
    rest = inner[len(path) :] if inner == path or inner.startswith(f"{path}.") else f".{inner}"
    setattr(error, _PATH, f"{path}.step[{iteration}]{rest}")


def _add_location(error: BaseException, values: Values) -> None:
    path = getattr(error, _PATH, None)
    if path is None or getattr(error, "__brickwork_noted__", False):
        return
    lines = [f"In block {path}. The values at that point:"]
    lines += [f"  {name}: {describe_value(value)}" for name, value in values.items()]
    error.add_note("\n".join(lines))
    error.__brickwork_noted__ = True  # type: ignore[attr-defined]  # marks errors that pass several pipelines


def value_or_fail(values: Values, name: str, path: str, writers: Sequence[str] = ()) -> Any:
    """Read a value that a choice or an empty loop may not have written.

    Args:
        writers: paths of the steps that may write it.

    Raises:
        RunError: it is not there.
    """
    if name not in values:
        if writers:
            raise RunError(
                f"{path} needs {name!r}, which no block has written in this run: {' and '.join(writers)} would write it, and did not "
                f"run. Pass {name}=..., or write it in every branch, and before a loop that may take no iteration."
            )
        raise not_written(values, name, path)
    return values[name]


def not_written(values: Values, name: str, path: str) -> RunError:
    """Make the error for a value that a block needs in the run and does not find."""
    near = nearest(name, [each for each in values if each != name])
    return RunError(
        f"{path} needs {name!r}, which no block has written in this run, and which was not given: the branch, loop or undeclared "
        f"write that gives it did not happen, or there is none.{f' Nearest: {near!r}.' if near else ''} Pass {name}=..., or "
        "rename one of the two."
    )
