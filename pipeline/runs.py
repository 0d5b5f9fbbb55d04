"""The runs of one pipeline: made, watched and cancelled."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from ..blocks.core.components_view import ComponentsView
from ..engine import Plan, Run
from ..engine.events import Emit, Event, RunFinished
from ..engine.execution.checkpoint import RunCheckpoint, SharedPrefix, copied_values
from ..engine.execution.executor import value_or_fail
from ..engine.execution.identities import RunIdentities
from ..engine.execution.run_cache import RunCache
from ..engine.isolation import RunComponents, unsaveable
from ..engine.nodes import Values
from ..engine.position import Position, Tracker
from ..engine.settings import SnapshotTaker
from ..engine.witness import Witness
from ..state import InputError
from .component_loader import RunLoader, residency_for
from .recipes.noted_values import noted_results
from .recipes.recipe import Recipe
from .recipes.recipe_of_run import recipe_of
from .seed import GENERATOR
from .snapshots import Snapshot

if TYPE_CHECKING:
    from ..state import PipelineState
    from .modular_pipeline import ModularPipeline


@frozen
class RunRequest:
    """A run that was checked and can begin.

    Attributes:
        values: by name, which the run takes over. output: as the caller asks. is_seeded: the caller gave no random
            generator, and the one in `values` is nobody's business afterwards.
        standing: where it goes on. recipe: of the run that it goes on with. graft: iterations that it takes from another one.
        snapshots: what takes them, in place of what the settings say. opened: path of a loop whose iterations are needed one
            by one, even if the result of the whole is known. replaced: components that this run has in place of the pipeline's.
        is_exact: a run that goes on must do so as it was, or not at all.
    """

    plan: Plan
    values: dict[str, Any]
    output: Any
    is_seeded: bool = False
    standing: RunCheckpoint | None = None
    recipe: Recipe | None = None
    graft: SharedPrefix | None = None
    snapshots: SnapshotTaker | None = None
    opened: str | None = None
    replaced: Mapping[str, Any] = field(factory=dict)
    is_exact: bool = False

    def components_of(self, pipe: ModularPipeline) -> Mapping[str, Any]:
        """Return the pipeline's components, as this run has them."""
        return {**pipe.components, **self.replaced} if self.replaced else pipe.components


@define(eq=False)
class ActiveRun:
    """A run that goes on."""

    pipe: ModularPipeline
    prepared: RunRequest
    recipe: Recipe
    emit: Emit | None
    given: dict[str, bool]
    identities: RunIdentities
    run: Run | None = field(default=None, init=False)

    def make_run(self, mutates: frozenset[str]) -> Run:
        """Make what the steps of the run share."""
        pipe, plan, cache = self.pipe, self.prepared.plan, self.pipe.settings.cache
        components = RunComponents(self.prepared.components_of(pipe), mutates)
        if cache is not None or self.prepared.standing is not None or self.prepared.graft is not None:
            # Their state is looked up, and put back, also where no step that uses them is run.
            for name in mutates:
                if components.is_absent(name):
                    components.put(name, RunLoader(pipe).load(name))
        if pipe.settings.snapshots is not None or self.prepared.snapshots is not None:
            _refuse_unsaveable(components, mutates)
        view = ComponentsView(pipe, components)
        self.run = view.run = Run(
            components,
            pipe.config,
            view,
            pipe.device,
            pipe.settings,
            residency=residency_for(pipe, plan, components, self.emit),
            emit=self.emit,
            cache=None if cache is None else RunCache(cache, mutates, pipe.promised_key, self.identities),
            tracker=self._tracker(),
            witness=self._witness(),
        )
        pipe.runs.add(self.run)
        return self.run

    def _tracker(self) -> Tracker | None:
        prepared = self.prepared
        taker = prepared.snapshots or self.pipe.settings.snapshots
        reached = taker.taker(self) if taker is not None else None
        if reached is None and prepared.standing is None and prepared.graft is None:
            return None
        return Tracker.of(reached, prepared.standing, prepared.graft, prepared.opened, prepared.is_exact)

    def _witness(self) -> Witness | None:
        """Return an account of the whole run, or none: of one that goes on only if there is one of its beginning."""
        prepared = self.prepared
        if not self.pipe.settings.witness or prepared.graft is not None:
            return None
        if prepared.standing is None:
            return Witness()
        earlier = self.recipe.witness
        return None if earlier is None else Witness(list(earlier))

    def snapshot(self, position: Position, values: Values) -> Snapshot:
        """Take a snapshot of the run as it stands."""
        assert self.run is not None
        standing = RunCheckpoint.of(self.run, position, values)
        witness = self.run.witness
        recipe = self.recipe if witness is None else self.recipe.finished(witness=witness.written())
        return Snapshot(standing, recipe, self.given, self.prepared.output, self.prepared.is_seeded)


class Runs:
    """Knows what a pipeline is doing now. It does not hold the pipeline, which would then outlive its last reference."""

    def __init__(self) -> None:
        self._going: set[Run] = set()
        self._lock = threading.Lock()
        # By thread: with one for all, a thread that waits for its image would read the recipe of another's.
        self._of_thread = threading.local()

    @property
    def last_recipe(self) -> Recipe | None:
        """The recipe of the last run that this thread began."""
        return getattr(self._of_thread, "recipe", None)

    def add(self, run: Run) -> None:
        """Note a run, which can be cancelled from now on."""
        # Another thread may walk the set, in `cancel`, while this one adds to it.
        with self._lock:
            self._going.add(run)

    def run(self, pipe: ModularPipeline, prepared: RunRequest, listener: Emit | None = None) -> Any:
        """Run a plan, and return what was asked for."""
        plan, values, output = prepared.plan, prepared.values, prepared.output
        listeners = (*pipe.settings.listeners, *([listener] if listener is not None else []))
        # The engine asks whether there is a listener at all, and makes no event for none.
        emit = partial(_tell_all, listeners) if len(listeners) > 1 else next(iter(listeners), None)
        started = perf_counter()
        held, settings = prepared.components_of(pipe), pipe.settings
        # A digest of what is in the weights is only worth its time where something is to be compared with it.
        is_exact = settings.cache is not None or settings.snapshots is not None or settings.witness
        identities = RunIdentities(held, is_exact or prepared.standing is not None, settings.identity == "full")
        recipe = prepared.recipe or recipe_of(pipe, plan.components, values, output, held, identities)
        # Already here, so that a run which fails leaves its recipe, too.
        self._of_thread.recipe = recipe
        begun = ActiveRun(
            pipe, prepared, recipe, emit, {name: value is None for name, value in values.items()}, identities
        )
        # `branch` begins again from here, and blocks may write into what they are given; only a call that returns the
        # state can be branched.
        start = copied_values(values) if output is None and prepared.standing is None else None
        placement = pipe.placement
        try:
            # What is moved for one run would be moved away from another that computes with it.
            with placement.lock if placement is not None else nullcontext():
                state = plan.run(values, begun.make_run, _names(output))
        finally:
            if begun.run is not None:
                # A block that keeps `components` would go on reading, and hold the models of a run that is over.
                begun.run.view.close()
            _forget_step_caches(held.values())
            with self._lock:
                self._going.discard(begun.run)
        assert begun.run is not None
        if prepared.is_seeded:
            # The caller gave none: the state of a call has what was asked of it, and the recipe has the seed.
            state.values.pop(GENERATOR, None)
        result = _asked(state, output)
        results = dict(state.values.items() if output is None else _results(result, output))
        # What only went through, an input, is in the recipe under the inputs.
        made = {name: value for name, value in results.items() if plan.provenance.get(name) is not None}
        witness = begun.run.witness
        # Anew, with what only the run could find out; the other recipe may have been handed out by then, and stays as
        # it is.
        recipe = self._of_thread.recipe = recipe.noting(begun.run.notes).finished(
            results=noted_results(made),
            witness=None if witness is None else witness.written(),
        )
        state.recipe, state.start = recipe, start
        for name, value in results.items():
            if plan.provenance.get(name) is not None:
                _sign(value, recipe)
        if emit is not None:
            emit(RunFinished(perf_counter() - started, result))
        return result

    def cancel(self) -> None:
        """Ask every run to stop before its next block."""
        with self._lock:
            for run in self._going:
                run.cancelled = True


def _forget_step_caches(components: Iterable[Any]) -> None:
    """Empty diffusers' caches of steps (`enable_cache`), which would go on in the next run where this one ended."""
    for component in components:
        # Exactly True: a mock, or a module that answers to every name, has no cache to reset.
        if getattr(component, "is_cache_enabled", False) is True:
            component._reset_stateful_cache()


def _refuse_unsaveable(components: RunComponents, mutates: frozenset[str]) -> None:
    """Refuse snapshots of a run before it begins whose solver keeps what none can hold."""
    faults = [
        f"The component {name!r} ({type(components[name]).__name__}) keeps {what}."
        for name in sorted(mutates)
        if not components.is_absent(name)
        for what in unsaveable(components[name])
    ]
    if faults:
        raise InputError.of("This run cannot go on from a snapshot, so none is taken", faults)


def _names(output: str | list[str] | None) -> frozenset[str] | None:
    return None if output is None else frozenset([output] if isinstance(output, str) else output)


def _asked(state: PipelineState, output: str | list[str] | None) -> Any:
    if output is None:
        return state
    if isinstance(output, str):
        return value_or_fail(state.values, output, "output=")
    return {name: value_or_fail(state.values, name, "output=") for name in output}


def _results(result: Any, output: str | list[str]) -> Iterable[tuple[str, Any]]:
    return [(output, result)] if isinstance(output, str) else result.items()


def _sign(value: object, recipe: Recipe) -> None:
    """Note on images how they were made."""
    # By the module's name: Pillow is imported only by runs that make images.
    if isinstance(value, list) and value and type(value[0]).__module__.startswith("PIL."):
        for index, image in enumerate(value):
            image.info["brickwork"] = recipe.of_image(index)


def _tell_all(listeners: tuple[Emit, ...], event: Event) -> None:
    for listener in listeners:
        listener(event)
