"""Tells of the steps of a classic pipeline: by its step callbacks where it has one, else by its progress bar."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from typing import Any

from ...engine import Run
from ...engine.execution.call_events import IterationEvents
from ...engine.nodes import Values
from ...engine.progress import bar_options
from ...state import RunCancelledError

CALLBACK = re.compile(r"(\w+_)?callback(_on_step_end)?(_tensor_inputs|_steps)?")
"""Names of arguments of a call by which it tells of its steps."""
_LATENTS = "latents"
_FAULTY = ("StableDiffusionParadigmsPipeline",)
"""Classes of diffusers 0.42.1 that fail where they are given a callback (it asks for the timestep of another window); their bar tells."""


def callbacks_of(cls: type) -> list[str]:
    """Return which arguments of a pipeline's call are functions that are told of steps."""
    names = [] if cls.__name__ in _FAULTY else inspect.signature(_call_of(cls)).parameters
    found = [name for name in names if CALLBACK.fullmatch(name) and not name.endswith(("_inputs", "_steps"))]
    # Some have an older one beside it, and warn where that is given.
    newer = [name for name in found if name.endswith("_on_step_end")]
    return newer or found


def _call_of(cls: Any) -> Any:
    return cls.__call__


class StepsOfRun:
    """The steps of one run of a classic pipeline: events, a bar, and a look at whether the run was cancelled.

    Args:
        path: of the block. cls: of the pipeline. values: of the run.
    """

    def __init__(self, run: Run, path: str, cls: type, values: Values) -> None:
        self._run = run
        self._path = path
        self._cls: Any = cls
        self._values = values
        self._callbacks = callbacks_of(cls)
        self._done = 0
        self._is_begun = False
        self._expected: int | None = None
        self._events: IterationEvents | None = None

    def arguments(self) -> dict[str, Any]:
        """Return the arguments by which a call tells of its steps."""
        found: dict[str, Any] = {}
        names = inspect.signature(_call_of(self._cls)).parameters
        for name in self._callbacks:
            if name.endswith("callback_on_step_end"):
                found[name] = self._step_ended
                listed = getattr(self._cls, f"_{name.removesuffix('_on_step_end')}_tensor_inputs", ())
                if f"{name}_tensor_inputs" in names:
                    found[f"{name}_tensor_inputs"] = [_LATENTS] if _LATENTS in listed else []
            else:
                found[name] = self._old_callback
                if f"{name}_steps" in names:
                    found[f"{name}_steps"] = 1
        return found

    def watch(self, pipeline: Any) -> None:
        """Let a pipeline draw its bars as the settings say, and tell of its steps; and those that it is made of."""
        pipeline.set_progress_bar_config(**bar_options(self._run.settings))
        for each in _with_parts(pipeline):
            vars(each)["progress_bar"] = self._bar_for(each)

    def _bar_for(self, pipeline: Any) -> Callable[..., _Bar]:
        def progress_bar(iterable: Iterable[Any] | None = None, total: int | None = None, **options: Any) -> _Bar:
            count = len(iterable) if isinstance(iterable, Sized) else total
            # In timesteps, of which a solver of second order takes two for each step of the bar.
            told = getattr(pipeline, "_num_timesteps", None) if self._callbacks else None
            self._begin(count if told is None else int(told))
            return _Bar(iterable, total, {**options, **bar_options(self._run.settings)}, self._bar_moved)

        return progress_bar

    def _begin(self, total: int | None) -> None:
        if self._is_begun:
            return
        self._look()
        if self._run.emit is not None:
            # A second loop of the same call counts on, and how far is not known.
            self._events = IterationEvents(self._path, total if self._done == 0 else None, self._run.emit, self._path)
            self._events.begin(self._done)
        self._is_begun = True
        self._expected = None if total is None else self._done + total

    def _ended(self, latents: Any = None) -> None:
        if not self._is_begun:
            self._begin(None)
        if self._events is not None:
            own = {} if latents is None else {_LATENTS: latents}
            self._events.end(self._done, {**self._values, **own})
        self._done += 1
        if self._expected is not None and self._done >= self._expected:
            self._is_begun = False
        elif self._events is not None:
            self._events.begin(self._done)
        self._look()

    def _look(self) -> None:
        if self._run.cancelled:
            raise RunCancelledError(f"The run was cancelled before {self._path}.step[{self._done}].")

    def _step_ended(
        self, _pipeline: object, _index: int, _timestep: object, given: Mapping[str, Any]
    ) -> dict[str, Any]:
        self._ended(given.get(_LATENTS))
        # Nothing is changed: what changes values would be another run than the recipe says.
        return {}

    def _old_callback(self, _index: int, _timestep: object, latents: Any) -> None:
        self._ended(latents)

    def _bar_moved(self) -> None:
        if not self._callbacks:
            self._ended()


class _Bar:
    """A progress bar that tells when it moves."""

    def __init__(
        self, iterable: Iterable[Any] | None, total: int | None, options: Mapping[str, Any], moved: Callable[[], None]
    ) -> None:
        from tqdm.auto import tqdm

        self._bar = tqdm(iterable, total=total, **options)
        self._moved = moved

    def __enter__(self) -> _Bar:
        self._bar.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._bar.__exit__(*error)

    def __iter__(self) -> Iterator[Any]:
        for each in self._bar:
            yield each
            self._moved()

    def update(self, count: float = 1) -> None:
        """Move on."""
        self._bar.update(count)
        self._moved()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bar, name)


def _with_parts(pipeline: Any) -> Iterator[Any]:
    """Yield a pipeline and those that it is made of (prior and decoder)."""
    yield pipeline
    for part in list(vars(pipeline).values()):
        if hasattr(type(part), "progress_bar") and hasattr(type(part), "register_modules"):
            yield from _with_parts(part)
