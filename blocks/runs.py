"""The runs of one pipeline: made, watched and cancelled."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Generator, Iterable, Mapping
from contextlib import nullcontext
from functools import partial
from queue import SimpleQueue
from time import perf_counter
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..engine import Plan, Run
from ..engine.caching import RunCache
from ..engine.events import Emit, Event, RunFinished
from ..engine.executor import value_or_fail
from ..engine.isolation import RunComponents
from .random_seed import GENERATOR
from .recipe import Recipe
from .recipe_parts import recipe_of
from .residency import residency_for
from .view import ComponentsView

if TYPE_CHECKING:
    from .modular_pipeline import ModularPipeline


@frozen
class Prepared:
    """A run that was checked and can begin.

    Attributes:
        values: by name, which the run takes over. output: as the caller asks. is_seeded: the caller gave no random
            generator, and the one in `values` is nobody's business afterwards.
    """

    plan: Plan
    values: dict[str, Any]
    output: Any
    is_seeded: bool = False


class Runs:
    """What a pipeline is doing now. It does not hold the pipeline, which would then outlive its last reference."""

    def __init__(self) -> None:
        self._going: set[Run] = set()
        self._lock = threading.Lock()
        self._of_thread = threading.local()

    @property
    def last_recipe(self) -> Recipe | None:
        """Of the last run that this thread began."""
        return getattr(self._of_thread, "recipe", None)

    def run(self, pipe: ModularPipeline, prepared: Prepared, listener: Emit | None = None) -> Any:
        """Run a plan, and return what was asked for."""
        plan, values, output = prepared.plan, prepared.values, prepared.output
        listeners = (*pipe.settings.listeners, *([listener] if listener is not None else []))
        emit = partial(_tell_all, listeners) if len(listeners) > 1 else next(iter(listeners), None)
        started = perf_counter()
        made: list[Run] = []
        placement = pipe.placement
        recipe = self._of_thread.recipe = recipe_of(pipe, plan.components, values, output)
        try:
            with placement.lock if placement is not None else nullcontext():
                state = plan.run(values, lambda mutates: self._made(pipe, plan, mutates, emit, made), _names(output))
        finally:
            with self._lock:
                self._going.difference_update(made)
        state.recipe = recipe
        if prepared.is_seeded:
            state.values.pop(GENERATOR, None)
        result = _asked(state, output)
        for name, value in state.values.items() if output is None else _results(result, output):
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

    def _made(
        self, pipe: ModularPipeline, plan: Plan, mutates: frozenset[str], emit: Emit | None, made: list[Run]
    ) -> Run:
        components = RunComponents(pipe.components, mutates)
        cache = pipe.settings.cache
        run = Run(
            components,
            pipe.config,
            ComponentsView(pipe, components),
            pipe.device,
            pipe.settings,
            residency=residency_for(pipe, plan, components, emit),
            emit=emit,
            cache=None if cache is None else RunCache(cache, mutates, pipe.promised_key),
        )
        with self._lock:
            self._going.add(run)
        made.append(run)
        return run


def _names(output: str | list[str] | None) -> frozenset[str] | None:
    return None if output is None else frozenset([output] if isinstance(output, str) else output)


def _asked(state: Any, output: str | list[str] | None) -> Any:
    if output is None:
        return state
    if isinstance(output, str):
        return value_or_fail(state.values, output, "output=")
    return {name: value_or_fail(state.values, name, "output=") for name in output}


def _results(result: Any, output: str | list[str]) -> Iterable[tuple[str, Any]]:
    return [(output, result)] if isinstance(output, str) else result.items()


def _sign(value: Any, recipe: Recipe) -> None:
    """Note on pictures how they were made."""
    if isinstance(value, list) and value and type(value[0]).__module__.startswith("PIL."):
        for index, picture in enumerate(value):
            picture.info["brickwork"] = recipe.of_image(index)


def _tell_all(listeners: tuple[Emit, ...], event: Event) -> None:
    for listener in listeners:
        listener(event)


class _Left(BaseException):
    """Ends a run whose events nobody takes any more."""


class _Channel:
    """Between a run in its thread and who takes its events: one at a time, each when it is asked for."""

    def __init__(self) -> None:
        self.events: SimpleQueue[tuple[Event | None, BaseException | None]] = SimpleQueue()
        self.wanted = threading.Semaphore(0)
        self.has_left = False

    def tell(self, event: Event) -> None:
        """Hand an event over, and wait until the next one is asked for."""
        self.events.put((event, None))
        self.wait()

    def wait(self) -> None:
        """Wait until an event is asked for."""
        self.wanted.acquire()
        if self.has_left:
            raise _Left

    def leave(self) -> None:
        """Ask for no more."""
        self.has_left = True
        self.wanted.release()


class EventStream(Generator[Event, None, None]):
    """The events of one run. The run goes on in a thread of its own while the next event is asked for, and not else."""

    def __init__(self, pipe: ModularPipeline, prepared: Prepared) -> None:
        self._channel = _Channel()
        # The thread knows the channel and not this object: one that is forgotten ends its run.
        work = partial(_work, self._channel, pipe, prepared, _settings_of_thread())
        self._thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
        self._is_over = False

    def send(self, _value: None = None) -> Event:
        """Let the run go on to its next event, and return that."""
        if self._is_over:
            raise StopIteration
        if self._thread.ident is None:
            self._thread.start()
        self._channel.wanted.release()
        try:
            event, error = self._channel.events.get()
        except BaseException:  # Ctrl-C while the run computes
            self.close()
            raise
        if event is not None:
            return event
        self._is_over = True
        self._thread.join()
        raise error or StopIteration

    def throw(self, *error: Any) -> Event:
        """End the run, and raise."""
        self.close()
        raise error[0] if isinstance(error[0], BaseException) else error[0]()

    def close(self) -> None:
        """End the run before its next event, and wait for that."""
        self._channel.leave()
        if self._thread.ident is not None and not self._is_over:
            self._thread.join()
        self._is_over = True

    def __del__(self) -> None:
        self._channel.leave()


def _work(channel: _Channel, pipe: ModularPipeline, prepared: Prepared, settings: Mapping[str, bool]) -> None:
    import torch

    try:
        channel.wait()
        # In this order: leaving inference mode turns gradients on.
        with torch.inference_mode(settings["inference"]), torch.set_grad_enabled(settings["grad"]):
            pipe.runs.run(pipe, prepared, channel.tell)
    except _Left:
        channel.events.put((None, None))
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where the events are taken
        channel.events.put((None, error))
    else:
        channel.events.put((None, None))


def _settings_of_thread() -> dict[str, bool]:
    """What torch keeps per thread and a run inherits from its caller."""
    import torch

    return {"grad": torch.is_grad_enabled(), "inference": torch.is_inference_mode_enabled()}
