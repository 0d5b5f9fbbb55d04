"""A run while it goes on: what its steps share, and its snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import define, field

from ..blocks.core.components_view import ComponentsView
from ..engine import Run, RunSettings
from ..engine.events import Emit
from ..engine.execution.checkpoint import RunCheckpoint
from ..engine.execution.identities import RunIdentities
from ..engine.execution.run_cache import RunCache
from ..engine.isolation import RunComponents, unsaveable
from ..engine.nodes import Values
from ..engine.position import Position, Tracker
from ..engine.witness import Witness
from ..state import InputError
from .placing.component_loader import RunLoader, residency_for
from .recipes.recipe import Recipe
from .run_request import RunRequest, names_asked
from .snapshots import Snapshot

if TYPE_CHECKING:
    from ..engine.serving.merger import MergedRun
    from .modular_pipeline import ModularPipeline


@define(eq=False)
class ActiveRun:
    """A run that goes on.

    Attributes:
        held: components by name, as it has them. given: of each value that it began with, whether it was None.
        run: what its steps share, once they begin. is_cancelled: it must end before its next block, or not begin. merged: its part in
            a merger.
    """

    pipe: ModularPipeline
    prepared: RunRequest
    settings: RunSettings
    recipe: Recipe
    emit: Emit | None
    held: Mapping[str, Any]
    given: dict[str, bool]
    identities: RunIdentities
    run: Run | None = field(default=None, init=False)
    is_cancelled: bool = field(default=False, init=False)
    merged: MergedRun | None = field(default=None, init=False)

    def make_run(self, mutates: frozenset[str]) -> Run:
        """Make what the steps of the run share."""
        pipe, prepared, settings = self.pipe, self.prepared, self.settings
        components = RunComponents(self.held, mutates)
        if settings.cache is not None or prepared.standing is not None or prepared.graft is not None:
            # Their state is looked up, and put back, also where no step that uses them is run.
            for name in mutates:
                if components.is_absent(name):
                    components.put(name, RunLoader(pipe).load(name))
        if settings.snapshots is not None or prepared.snapshots is not None:
            _refuse_unsaveable(components, mutates)
        view = ComponentsView(pipe, components)
        cache = (
            None if settings.cache is None else RunCache(settings.cache, mutates, pipe.promised_key, self.identities)
        )
        self.run = view.run = Run(
            components,
            pipe.config,
            view,
            pipe.device,
            settings,
            residency=residency_for(pipe, prepared.plan, components, self.emit, prepared.values),
            emit=self.emit,
            cache=cache,
            tracker=self._tracker(),
            witness=self._witness(),
            merged=self.merged,
        )
        # Whoever cancels says so here first, and then looks for the run.
        self.run.cancelled = self.is_cancelled
        return self.run

    def cancel(self) -> None:
        """Let it end before its next block."""
        self.is_cancelled = True
        if self.run is not None:
            self.run.cancelled = True

    def _tracker(self) -> Tracker | None:
        prepared = self.prepared
        taker = prepared.snapshots or self.settings.snapshots
        reached = taker.taker(self) if taker is not None else None
        if reached is None and prepared.standing is None and prepared.graft is None:
            return None
        # What the process draws goes on where it was, if the snapshot holds that.
        is_exact = prepared.is_exact and not (prepared.standing is not None and prepared.standing.chance)
        return Tracker.of(reached, prepared.standing, prepared.graft, prepared.opened, is_exact)

    def _witness(self) -> Witness | None:
        """Return an account of the whole run, or none: of one that goes on only if there is one of its beginning."""
        prepared = self.prepared
        if not self.settings.witness or prepared.graft is not None:
            return None
        if prepared.standing is None:
            return Witness()
        earlier = self.recipe.witness
        return None if earlier is None else Witness(list(earlier))

    def snapshot(self, position: Position, values: Values) -> Snapshot:
        """Take a snapshot of the run as it stands."""
        assert self.run is not None
        dead = self.prepared.plan.dead_after(position, names_asked(self.prepared.output))
        living = {name: value for name, value in values.items() if name not in dead} if dead else values
        standing = RunCheckpoint.of(self.run, position, living)
        witness = self.run.witness
        recipe = self.recipe if witness is None else self.recipe.finished(witness=witness.written())
        return Snapshot(standing, recipe, self.given, self.prepared.output, self.prepared.is_seeded)


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
