"""Does the work of one run: from its inputs, from where it stood before a restart, again, or as a variant of another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field, frozen

from ...engine.cache import MemoryCache
from ...pipeline.pipeline_run import PipelineRun
from ...pipeline.recipes.recipe import Recipe
from ...pipeline.recipes.recipe_diff import differences
from ...pipeline.resume import branch, resume, shared_with
from ...pipeline.snapshots import Snapshots
from ...state import InputError, PipelineState
from ...state.errors import BrickworkError, RunCancelledError
from ..shared.result_files import with_rates
from .run_events import RunEvents
from .run_outputs import write_outputs
from .workflow_inputs import InputReader

if TYPE_CHECKING:
    from ...engine.nodes import Values
    from ...engine.position import Position
    from ...pipeline.active_run import ActiveRun
    from ...pipeline.run_request import RunRequest
    from .job import Asked, Job
    from .served_workflow import ServedWorkflow

_UNKNOWN = "Nothing that is recorded differs; a block, or the hardware, does not give the same twice."
_ROUNDED = "Nothing that is recorded differs. Forwards that runs share round by how many rows they have, to about 1e-5; with --bucket they do not."


@frozen
class _UntilStop:
    """Takes a snapshot every so many steps, and one more after the step in which the server stops, where the run ends."""

    job: Job
    every: int

    def taker(self, begun: ActiveRun) -> Callable[[Position, Values], None]:
        usual, last = (Snapshots(self.job.snapshot, every=every).taker(begun) for every in (self.every, 1))

        def reached(position: Position, values: Values) -> None:
            if not self.job.is_stopping:
                usual(position, values)
                return
            last(position, values)
            if len(position) == 1 and position[0].iteration is not None:
                self.job.cancel()

        return reached


@define(eq=False)
class RunWork:
    """Makes what a job asks for, in the thread that calls.

    Attributes:
        original: gives the job that this one is made from. every: steps between two snapshots; None for none. recipe: of the run, once it has one.
    """

    job: Job
    workflow: ServedWorkflow
    reader: InputReader
    events: RunEvents
    cache: MemoryCache | None
    every: int | None
    original: Callable[[str], Job]
    recipe: Recipe | None = field(default=None, init=False)

    def results(self) -> dict[str, Any]:
        """Run it, and return its results by name.

        Raises:
            RunCancelledError: it was cancelled. Whatever a block raises.
        """
        asked = self.job.asked
        if asked.sort == "replay":
            return self._replayed(self.original(str(asked.of)))
        if asked.sort == "run" and self.job.snapshot.is_file():
            try:
                return self._named(asked, resume(self.workflow.pipe, self.job.snapshot, True, self._computed))
            except RunCancelledError:
                raise
            except BrickworkError as error:
                # Other weights, other software, a file cut short: the run is begun again, and says so.
                self.events.warn(f"The run begins anew, since it cannot go on where it stood: {error}")
        return self._named(asked, self._made(asked))

    def _made(self, asked: Asked) -> Any:
        """Run what was asked for, from its beginning."""
        if asked.sort == "branch":
            return self._branched(asked)
        if self.every is None or asked is not self.job.asked:
            return self._computed(self._request(asked))
        taken = evolve(self._request(asked), snapshots=_UntilStop(self.job, self.every))
        try:
            return self._computed(taken)
        except InputError as error:
            # Before anything was computed: a solver that keeps what no file holds.
            if self.job.progress is not None:
                raise
            self.events.warn(f"There are no snapshots of this run: {error}")
            return self._computed(self._request(asked))

    def _request(self, asked: Asked) -> RunRequest:
        return self.workflow.prepared(self.reader.values(self.workflow.pipe, asked.inputs), asked.output)

    def _branched(self, asked: Asked) -> PipelineState:
        """Run a variant of another run from one of its steps on; the steps before are in the cache, or are computed again."""
        pipe, base = self.workflow.pipe, self.original(str(asked.of)).asked
        changes = self.reader.values(pipe, asked.changes or {})
        return branch(pipe, shared_with(self._request(base)), asked.at_step or 0, asked.loop, changes, self._computed)

    def _replayed(self, original: Job) -> dict[str, Any]:
        """Make a run again without what the cache knows, and compare."""
        self.cache = None
        then = original.read_recipe()
        results = self._named(original.asked, self._made(original.asked))
        assert self.recipe is not None
        now = self.recipe
        known = {name: found for name, found in then.results.items() if found is not None}
        others = [name for name, found in known.items() if now.results.get(name) != found]
        words = [text for _, text in differences(then, now)]
        if others and not words:
            merger = self.workflow.pipe.settings.merge
            words = [_ROUNDED if merger is not None and getattr(merger, "bucket", None) is None else _UNKNOWN]
        # Where nothing tells what the run gave, nothing tells whether this is the same.
        self.job.verdict = {"same": not others if known else None, "others": others, "differs": words}
        return results

    def _computed(self, request: RunRequest) -> Any:
        """Run what was prepared, where it can be watched and cancelled."""
        pipe, job = self.workflow.pipe, self.job
        merge = pipe.settings.merge if job.asked.merges else None
        settings = evolve(pipe.settings, progress=False, listeners=(), cache=self.cache, merge=merge)
        run = PipelineRun(pipe, request, settings)
        job.run = run
        # Whoever cancels says so in the job first, and then looks for the run.
        if job.is_cancelled:
            run.cancel()
        try:
            return run.compute(self.events)
        finally:
            self.recipe = run.recipe
            job.run = None

    def _named(self, asked: Asked, result: Any) -> dict[str, Any]:
        """Return results by name, as they were asked for."""
        names = with_rates(self._asked_names(asked), self.workflow.played(asked.output, asked.all_inputs))
        if isinstance(result, PipelineState):
            return {str(name): result.values[name] for name in names}
        return (
            {str(names[0]): result}
            if len(names) == 1 and not isinstance(result, dict)
            else {str(name): result[name] for name in names}
        )

    def _asked_names(self, asked: Asked) -> list[str]:
        """Return the names of what is asked for."""
        output = self.workflow.output if asked.output is None else asked.output
        return [output] if isinstance(output, str) else list(output)

    def written(self, results: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Write what `results` gave into the folder of the job, and return what each file is of."""
        asked = self.job.asked
        named = {name: results[name] for name in self._asked_names(asked)}
        return write_outputs(named, self.job.folder, self.workflow.played(asked.output, asked.all_inputs), results)
