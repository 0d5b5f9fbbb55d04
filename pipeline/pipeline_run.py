"""One run of a pipeline, from the request to the result and the recipe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ..engine.device_times import DeviceTimes
from ..engine.events import Emit, RunFinished
from ..engine.execution.checkpoint import copied_values
from ..engine.execution.executor import value_or_fail
from ..engine.execution.identities import RunIdentities
from ..engine.listener_faults import tell_all
from ..engine.network_calls import merged_calls
from ..engine.settings import RunSettings
from ..registry.identity.component_identity import remember_training
from .active_run import ActiveRun
from .mixed_dtypes import note_mixed_dtypes
from .recipes.noted_values import noted_results
from .recipes.recipe import Recipe
from .recipes.recipe_of_run import recipe_of
from .run_request import RunRequest, names_asked
from .seed import GENERATOR

if TYPE_CHECKING:
    from ..state import PipelineState
    from .modular_pipeline import ModularPipeline


class PipelineRun:
    """A run that was asked for, with the settings that the pipeline had then, or with settings of its own.

    Attributes:
        recipe: how the result is made; None until the run begins, and whole when it has finished.
    """

    def __init__(self, pipe: ModularPipeline, request: RunRequest, settings: RunSettings | None = None) -> None:
        self.recipe: Recipe | None = None
        self._pipe = pipe
        self._request = request
        self._settings = pipe.settings if settings is None else settings
        self._active: ActiveRun | None = None
        self._is_cancelled = False

    def cancel(self) -> None:
        """Let this run, and no other of the pipeline, end before its next block; from any thread, or a listener.

        It ends with RunCancelledError. A run that is over stays as it is.
        """
        # In this order: a run that begins meanwhile says where it is first, and then looks whether it was cancelled.
        self._is_cancelled = True
        if self._active is not None:
            self._active.cancel()

    def compute(self, *listeners: Emit) -> Any:
        """Run it in this thread, and return what was asked for.

        Args:
            listeners: take the events of this run, after those of the pipeline.
        """
        emit = _emit_to((*self._settings.listeners, *listeners))
        if emit is not None and self._settings.device_times:
            emit = DeviceTimes(emit, self._pipe.device)
        started = perf_counter()
        begun = self._begun(emit)
        values, output = self._request.values, self._request.output
        # `branch` begins again from here, and blocks may write into what they are given; only a call that returns the
        # state can be branched.
        start = copied_values(values) if output is None and self._request.standing is None else None
        state = self._ran(begun)
        if self._request.is_seeded:
            # The caller gave none: the state of a call has what was asked of it, and the recipe has the seed.
            state.values.pop(GENERATOR, None)
        result = _asked(state, output)
        recipe = self._finished(begun, dict(state.values.items() if output is None else _results(result, output)))
        state.recipe, state.start, state.replaced = recipe, start, self._request.replaced
        if emit is not None:
            emit(RunFinished(perf_counter() - started, result))
        return result

    def _begun(self, emit: Emit | None) -> ActiveRun:
        """Note how the run begins."""
        pipe, request, settings = self._pipe, self._request, self._settings
        held = request.components_of(pipe)
        # A digest of what is in the weights is only worth its time where something is to be compared with it.
        is_exact = settings.cache is not None or settings.snapshots is not None or settings.witness
        identities = RunIdentities(held, is_exact or request.standing is not None, settings.identity == "full")
        recipe = request.recipe or recipe_of(pipe, request.plan, request.values, request.output, held, identities)
        # Already here, so that a run which fails leaves its recipe, too.
        if request.plan.trains and request.recipe is None:
            # Written out before the first step: what is looked up late would be the trained weights.
            recipe = Recipe.from_dict(recipe.to_dict())
        self.recipe = pipe.runs.note(recipe)
        given = {name: value is None for name, value in request.values.items()}
        self._active = begun = ActiveRun(pipe, request, settings, recipe, emit, held, given, identities)
        if self._is_cancelled:
            begun.cancel()
        return begun

    def _ran(self, begun: ActiveRun) -> PipelineState:
        """Run the plan, and let go of everything that was held for it."""
        pipe, request = self._pipe, self._request
        pipe.runs.add(begun)
        try:
            with _device_of(pipe), self._merged(begun):
                return request.plan.run(request.values, begun.make_run, names_asked(request.output))
        except RuntimeError as error:
            note_mixed_dtypes(error, begun.held)
            raise
        finally:
            pipe.runs.remove(begun)
            if begun.run is not None:
                # A block that keeps `components` would go on reading, and hold the models of a run that is over.
                begun.run.view.close()
            _forget_step_caches(begun.held.values())
            # It holds the values.
            self._active = None

    @contextmanager
    def _merged(self, begun: ActiveRun) -> Iterator[None]:
        """Let the run share calls of networks, where it was asked to; a run inside of another one has nothing of that one's."""
        merger = self._settings.merge
        if merger is None:
            with merged_calls(None):
                yield
            return
        with merger.joined(lambda: begun.is_cancelled) as merged, merged_calls(merged):
            begun.merged = merged
            yield

    def _finished(self, begun: ActiveRun, results: Mapping[str, Any]) -> Recipe:
        """Complete the recipe, and note it on the images."""
        run, provenance = begun.run, self._request.plan.provenance
        assert run is not None
        # What only went through, an input, is in the recipe under the inputs.
        made = {name: value for name, value in results.items() if provenance.get(name) is not None}
        # Anew, with what only the run could find out; the other recipe may have been handed out by then, and stays as
        # it is.
        shared = [] if begun.merged is None else begun.merged.notes
        recipe = begun.recipe.noting([*run.notes, *shared]).finished(
            results=noted_results(made),
            witness=None if run.witness is None else run.witness.written(),
        )
        for value in made.values():
            sign(value, recipe)
        for name in sorted(self._request.plan.trains):
            remember_training(begun.held[name], recipe.digest)
        self.recipe = self._pipe.runs.note(recipe)
        return recipe


@contextmanager
def _device_of(pipe: ModularPipeline) -> Iterator[None]:
    """Have the device on which components are placed, if they are, for one run."""
    while (placement := pipe.placement) is not None:
        with placement.taken():
            # While this run waited, its components may have been placed elsewhere.
            if pipe.placement is placement:
                yield
                return
    yield


def _emit_to(listeners: tuple[Emit, ...]) -> Emit | None:
    # The engine asks whether there is a listener at all, and makes no event for none.
    return partial(tell_all, listeners) if listeners else None


def _forget_step_caches(components: Iterable[Any]) -> None:
    """Empty diffusers' caches of steps (`enable_cache`), which would go on in the next run where this one ended."""
    for component in components:
        # Exactly True: a mock, or a module that answers to every name, has no cache to reset.
        if getattr(component, "is_cache_enabled", False) is True:
            component._reset_stateful_cache()


def _asked(state: PipelineState, output: str | list[str] | None) -> Any:
    if output is None:
        return state
    if isinstance(output, str):
        return value_or_fail(state.values, output, "output=")
    return {name: value_or_fail(state.values, name, "output=") for name in output}


def _results(result: Any, output: str | list[str]) -> Iterable[tuple[str, Any]]:
    return [(output, result)] if isinstance(output, str) else result.items()


def sign(value: object, recipe: Recipe) -> None:
    """Note on images how they were made."""
    # By the module's name: Pillow is imported only by runs that make images.
    if isinstance(value, list) and value and type(value[0]).__module__.startswith("PIL."):
        for index, image in enumerate(value):
            image.info["brickwork"] = recipe.of_image(index)
