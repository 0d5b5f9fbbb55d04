"""Runs that go on from where another one stood: in time, or in a variant."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ..blocks.core import arguments
from ..engine import Plan
from ..engine.execution.checkpoint import RunCheckpoint, SharedPrefix, copied_values
from ..engine.execution.live_values import live_faults
from ..engine.execution.trained_state import frozen_digest, trained_faults
from ..engine.nodes import ChoiceNode, LoopNode, Values, leaves
from ..engine.position import Position
from ..state import Fault, InputError, PipelineState
from ..state.errors import capital_article, did_you_mean, named_thing, nearest
from ..state.given import given_name
from ..state.pipeline_state import describe_value
from ..state.user_warnings import user_warning
from .active_run import ActiveRun
from .pipeline_run import PipelineRun
from .recipes.recipe_diff import differences
from .recipes.recipe_of_run import recipe_of
from .run_request import RunRequest
from .seed import GENERATOR, image_count_of, named_as_generator
from .snapshots import Snapshot

if TYPE_CHECKING:
    from .modular_pipeline import ModularPipeline


ComputeRun = Callable[[RunRequest], Any]
"""Runs what was prepared, and returns what it was asked for."""


def resume(
    pipe: ModularPipeline,
    source: Snapshot | str | Path,
    exact: bool = True,
    compute: ComputeRun | None = None,
    live: Mapping[str, Any] = MappingProxyType({}),
) -> Any:
    """Continue a run; see `ModularPipeline.resume`.

    Args:
        compute: runs it, in place of a run that nobody watches. live: objects whose state the snapshot holds, by the names of values.
    """
    if not isinstance(source, (Snapshot, str, os.PathLike)):
        raise InputError(
            f"{capital_article(type(source).__name__)} is no snapshot; give a Snapshot, or the path of its file."
        )
    snapshot = source if isinstance(source, Snapshot) else Snapshot.load(source)
    prepared = going_on(pipe, snapshot, exact, live=live)
    try:
        return (compute or _computed_by(pipe))(prepared)
    # A file may have been cut by hand; a `KeyError` out of a block's own code is the block's, and goes on as it is.
    except KeyError as error:
        if not _is_of_a_read(error):
            raise
        raise InputError(f"The snapshot lacks {error}, which the rest of the run reads: it is damaged.") from None


_COMPARED = ("blocks", "components", "process", "unknown", "outside", "machine")


def going_on(
    pipe: ModularPipeline,
    snapshot: Snapshot,
    exact: bool = True,
    kinds: Sequence[str] = _COMPARED,
    apart: Sequence[str] = (),
    live: Mapping[str, Any] = MappingProxyType({}),
) -> RunRequest:
    """Return what a run needs to go on from a snapshot.

    Args:
        kinds: of differences that are looked at. apart: names of what may differ all the same. live: see `resume`.

    Raises:
        InputError: something differs, and it is to be exact; every difference is named.
    """
    standing = snapshot.standing
    # A plan asks which inputs there are and which are None, and not for their values, of which some were let go of.
    plan = pipe.plan({name: None if is_none else True for name, is_none in snapshot.given.items()}, checked=())
    pipe.require(plan)
    _refuse_other_training(pipe, plan, standing, live)
    now = recipe_of(pipe, plan, {}, snapshot.output)
    found = differences(snapshot.recipe, now)
    # Inputs, random state and what was asked for are the snapshot's own; this pipeline can only differ in the rest.
    faults = [
        f"{text} now"
        for kind, text in found
        if (kind in kinds and text.partition(":")[0] not in {*apart, *plan.trains})
        or (kind == "inputs" and text.startswith("config "))
    ]
    if faults and exact:
        raise InputError.of("The snapshot does not belong to this pipeline", faults)
    if faults:
        user_warning(f"The run goes on, though not everything is as it was: {'; '.join(faults)}")
    where = f"went on after {snapshot.where}, though not everything was as it was"
    recipe = snapshot.recipe.noting(f"{where}: {fault}" for fault in faults)
    return RunRequest(
        plan, {**standing.values_again(), **live}, snapshot.output, snapshot.is_seeded, standing, recipe, is_exact=exact
    )


def _refuse_other_training(pipe: ModularPipeline, plan: Plan, standing: RunCheckpoint, live: Mapping[str, Any]) -> None:
    """Refuse to go on with a training whose objects are not there, or whose networks are not built as they were.

    Raises:
        InputError: every fault is named, whatever `exact` says: the rest cannot be brought to where it was.
    """

    def readers(name: str) -> str:
        paths = dict.fromkeys(read.path for read in plan.flow.reads if read.param.name == name)
        return f", and {', '.join(paths)} reads it" if paths else ""

    faults = [*live_faults(standing.live, live, readers)]
    for name, state in standing.trained.items():
        if name not in plan.trains:
            faults.append(f"{name}: the run trained it, and this pipeline has no block that does.")
            continue
        component = pipe.components[name]
        odd = [*trained_faults(name, component, state)]
        if not odd and frozen_digest(component) != standing.frozen[name]:
            odd = [f"{name}: its parameters that do not learn are others than those of the run."]
        faults += odd
    if faults:
        raise InputError.of("The training cannot go on from this snapshot", faults)


def _is_of_a_read(error: KeyError) -> bool:
    """Return whether a value was missing that a block was to be given, and not something within the block."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return last is not None and last.tb_frame.f_code.co_filename == arguments.__file__


def _computed_by(pipe: ModularPipeline) -> ComputeRun:
    return lambda request: PipelineRun(pipe, request).compute()


def shared_with(request: RunRequest) -> PipelineState:
    """Return the state of a run that was not made, as far as a variant needs it: what it is given."""
    state = PipelineState()
    state.start, state.replaced = request.values, request.replaced
    return state


@frozen
class PreparedBranch:
    """A variant that was checked.

    Attributes:
        first: the run whose steps are shared. loop: in which it branches off. is_seeded: the run had drawn its own seed.
    """

    first: RunRequest
    variant: RunRequest
    loop: LoopNode
    at_step: int
    is_seeded: bool


def prepare_branch(
    pipe: ModularPipeline, result: PipelineState, at_step: int | None, loop: str | None, changes: Mapping[str, Any]
) -> PreparedBranch:
    """Check a variant as far as that can be done before anything is computed; see `ModularPipeline.branch`."""
    if at_step is None:
        near = nearest("at_step", changes)
        got = (
            f"; and got {near}={changes[near]!r:.40}. Did you mean at_step?"
            if near
            else ": pipe.branch(result, at_step=3)."
        )
        raise InputError(f"branch() needs at_step=, the first step that may differ{got}")
    start = getattr(result, "start", None)
    if start is None:
        raise InputError("branch() needs the state of an earlier run, as a call without output= returns it.")
    if isinstance(at_step, bool) or not isinstance(at_step, int):
        raise InputError(f"at_step is {named_thing(at_step)}; it is the number of a step, 1 or more.")
    # The run had drawn its own seed, and the state was freed of the generator; the variant's is, too.
    is_seeded = GENERATOR in start and GENERATOR not in result.values
    # Copies for each of the two runs: a generator that the first has drawn from would give the variant other noise.
    first = pipe.prepare_run(PipelineState(copied_values(start)), None, dict(result.replaced))
    step = _loop_of(first.plan, loop)
    variant = pipe.prepare_run(PipelineState(copied_values(start)), None, {**result.replaced, **changes})
    faults = list(_unshared(pipe, first, variant, changes))
    if faults:
        raise InputError.of("The steps before cannot be shared", faults)
    return PreparedBranch(first, variant, step, at_step, is_seeded)


def branch(
    pipe: ModularPipeline,
    result: PipelineState,
    at_step: int | None,
    loop: str | None,
    changes: Mapping[str, Any],
    compute: ComputeRun | None = None,
) -> PipelineState:
    """Run a variant; see `ModularPipeline.branch`.

    Args:
        compute: runs each of the two parts, the shared steps first, in place of runs that nobody watches.
    """
    compute = compute or _computed_by(pipe)
    prepared = prepare_branch(pipe, result, at_step, loop, changes)
    first, variant, step = prepared.first, prepared.variant, prepared.loop
    changed = recipe_of(pipe, variant.plan, variant.values, None, variant.components_of(pipe))
    shared = recipe_of(pipe, first.plan, copied_values(first.values), None, first.components_of(pipe))
    changed_names = named_as_generator(pipe.kept_plans(), changes)
    flow = variant.plan.flow
    changed_names |= {name for name in flow.outside if flow.outside_name(name) in changed_names}
    replaced = changes.keys() & pipe.components.keys()
    recipe = changed.branched(shared, step.path, prepared.at_step, changed_names, replaced)
    standing = _standing_at(compute, first, step, prepared.at_step)
    written = frozenset(param.name for leaf in leaves(step.body) for param in leaf.writes)
    graft = SharedPrefix(standing, step.path, written, changed_names)
    asked = evolve(variant, graft=graft, recipe=recipe, opened=step.path, is_seeded=prepared.is_seeded)
    state: PipelineState = compute(asked)
    return state


_SIDES = ("height", "width")
_LEVELS = ("num_inference_steps", "timesteps", "sigmas")


def _unshared(
    pipe: ModularPipeline, first: RunRequest, variant: RunRequest, changes: Mapping[str, Any]
) -> Iterator[Fault]:
    """Yield which changes would give the shared steps other sizes or noise levels, as far as the inputs tell; the run finds the rest."""
    if sum(isinstance(each, LoopNode) for each in first.plan.steps) != 1:
        return  # nothing tells which loop they are for
    known = pipe.kept_plans()
    usual = {side: getattr(pipe, f"default_{side}", None) for side in _SIDES} | known.default_inputs
    for name in (*_SIDES, *_LEVELS):
        was, now = (each.values.get(name, usual.get(name)) for each in (first, variant))
        was = usual.get(name) if was is None else was
        now = usual.get(name) if now is None else now
        if name in changes and was != now and (name not in _SIDES or None not in (was, now)):
            what = "sizes" if name in _SIDES else "noise levels"
            yield Fault(
                f"{name} would be {describe_value(now)}, and is {describe_value(was)} in the steps that are shared, which others of other {what} cannot "
                f"follow. Leave {name} as it was, or make a new run.",
                name,
            )
    was, now = (image_count_of(known, each.plan, each.values) for each in (first, variant))
    if was != now:
        text = f"There would be {now} images, and there are {was} in the steps that are shared. Change nothing that changes how many there are."
        yield Fault(text, *[name for name in changes if name == "num_images_per_prompt"] or changes)


def _loop_of(plan: Plan, path: str | None) -> LoopNode:
    loops = {step.path: step for step in plan.steps if isinstance(step, LoopNode)}
    choices = [step.path for step in plan.steps if isinstance(step, ChoiceNode)]
    if not loops and choices:
        raise InputError(
            f"This run has no loop outside of choices that are made while it runs ({', '.join(choices)}), and no variant branches off within "
            "those. Run it anew with what changes; a cache keeps what is before the choice."
        )
    if path is not None and given_name(path, "loop") not in loops:
        raise InputError(f"This run has no loop {path!r}. {did_you_mean(path, loops)}")
    if path is None and len(loops) != 1:
        raise InputError(
            f"This run has {len(loops)} loops; say which one to branch in: loop=... {did_you_mean('', loops)}"
        )
    return loops[path] if path is not None else next(iter(loops.values()))


# As `_Left` in event_stream: no block may catch it.
class _Reached(BaseException):
    """Ends a run that has come to where its variant begins."""

    def __init__(self, standing: RunCheckpoint) -> None:
        super().__init__()
        self.standing = standing


@frozen
class _StopAt:
    """Stops a run after a step of a loop."""

    path: str
    iteration: int

    def taker(self, begun: ActiveRun) -> Callable[[Position, Values], None]:
        """Make what the run calls after every block and every iteration."""

        def reached(position: Position, values: Values) -> None:
            last = position[-1]
            if len(position) == 1 and last.path == self.path and last.iteration == self.iteration:
                raise _Reached(begun.snapshot(position, values).standing)

        return reached


def _standing_at(compute: ComputeRun, prepared: RunRequest, loop: LoopNode, at_step: int) -> RunCheckpoint:
    """Run up to a step of a loop, out of the cache where that knows it."""
    # Before step 0 nothing is shared, and the loop's state is not made yet.
    if at_step < 1:
        raise InputError(f"at_step is {at_step}; it is 1 or more, so that at least step 0 is shared.")
    try:
        compute(evolve(prepared, snapshots=_StopAt(loop.path, at_step - 1), opened=loop.path))
    except _Reached as found:
        return found.standing
    raise InputError(f"at_step is {at_step}, and {loop.path} took fewer steps.")
