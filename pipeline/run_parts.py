"""A run in parts: up to a step here, and on from there in another process."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ..engine.execution.identities import RunIdentities
from ..engine.nodes import Values
from ..engine.position import Position
from ..state import InputError
from .pipeline_run import PipelineRun
from .recipes.component_records import RunNotes, notes_of
from .resume import going_on
from .run_request import RunRequest
from .snapshots import Snapshot

if TYPE_CHECKING:
    from .active_run import ActiveRun
    from .modular_pipeline import ModularPipeline


# As `_Left` in event_stream: no block may catch it.
class _HandedOn(BaseException):
    """Ends a run that has come to the last step of its part."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot


@frozen
class _StopAfter:
    """Stops a run after a top-level step, with what those behind it need."""

    path: str
    needed: Collection[str] | None

    def taker(self, begun: ActiveRun) -> Callable[[Position, Values], None]:
        """Make what the run calls after every block and every iteration."""

        def reached(position: Position, values: Values) -> None:
            if len(position) == 1 and position[0].path == self.path and position[0].iteration is None:
                kept = values if self.needed is None else {n: v for n, v in values.items() if n in self.needed}
                raise _HandedOn(begun.snapshot(position, kept))

        return reached


def first_part(pipe: ModularPipeline, inputs: Mapping[str, Any], output: str | list[str] | None, last: str) -> Snapshot:
    """Begin a run, and end it after a top-level step.

    Args:
        last: path of the step. output: as of the whole run.

    Raises:
        InputError: as a call does, or there is no such step in this run.
    """
    return _until(pipe, pipe.prepare_run(None, output, dict(inputs)), last)


def further_part(pipe: ModularPipeline, snapshot: Snapshot, last: str | None) -> Any:
    """Go on where another part ended, and return a snapshot again, or, to the end, what the run was asked for.

    Components are not compared with those of the other process, which has not loaded the same ones: who cuts a run says that they are alike.

    Args:
        last: path of the step after which this part ends, too; None goes on to the end.

    Raises:
        InputError: blocks, software or what was replaced in the process are others.
    """
    request = going_on(pipe, snapshot, kinds=("blocks", "process", "machine"), apart=("device", "load"))
    assert request.recipe is not None
    request = evolve(request, recipe=request.recipe.with_components(_notes_of_loaded(pipe, request)))
    return PipelineRun(pipe, request).compute() if last is None else _until(pipe, request, last)


def _notes_of_loaded(pipe: ModularPipeline, request: RunRequest) -> RunNotes:
    """Note what this part computes with, of which the parts before know the files at most."""
    names = tuple(name for name in request.plan.components if pipe.components[name] is not None)
    return notes_of(pipe, names, pipe.components, RunIdentities(pipe.components, content=True, whole=False))


def _until(pipe: ModularPipeline, request: RunRequest, last: str) -> Snapshot:
    steps = [step.path for step in request.plan.steps]
    if last not in steps:
        raise InputError(
            f"This run has no step {last!r}, behind which its first part would end: with these inputs its steps are {', '.join(steps)}."
        )
    asked = [request.output] if isinstance(request.output, str) else request.output
    # What is there behind a step that lets go of values is let go of here: a snapshot is taken before that.
    needed = None if asked is None else request.plan.live_after(asked)[last]
    try:
        PipelineRun(pipe, evolve(request, snapshots=_StopAfter(last, needed))).compute()
    except _HandedOn as found:
        # A plan is cut where no component that it changes is used on both sides: what they keep is needed no more.
        snapshot = found.snapshot
        return evolve(snapshot, standing=evolve(snapshot.standing, states={}))
    raise AssertionError(f"{last} was not reached")
