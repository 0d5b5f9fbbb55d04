"""Turns what happens in a run into the events that clients see."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import define, field

from ...engine import events as of_run
from ...engine.scoped_names import seen_at
from ...pipeline.images.previews import first_shown
from ..shared.event_data import event_data
from ..shared.words_for_people import for_people

if TYPE_CHECKING:
    from .job import Job
    from .metrics import Metrics
    from .served_workflow import ServedWorkflow

_SIDES = (16, 1024)
_USUAL_SIDE = 256


@define(eq=False)
class RunEvents:
    """A listener to one run: it fills the log of its events, says where it stands, and counts."""

    job: Job
    workflow: ServedWorkflow
    metrics: Metrics
    _loops: list[str] = field(factory=list, init=False)
    _is_started: bool = field(default=False, init=False)

    def __call__(self, event: of_run.Event) -> None:
        """Take an event."""
        if isinstance(event, of_run.StepStarted) and event.path not in self._loops:
            self._loops.append(event.path)
        name = self.workflow.id
        match event:
            case of_run.RunStarted():
                # A variant has two parts, of which the first is the steps that it shares.
                if not self._is_started:
                    self.tell("started", {"workflow": name, "paths": list(event.paths), "steps": self._steps()})
                self._is_started = True
            case of_run.BlockStarted():
                if not self._is_within(event.path):
                    self.job.progress = {"path": event.path}
                self.tell("block", {"path": event.path, "state": "started"}, self._is_within(event.path))
            case of_run.BlockFinished():
                said = {**_without_name(event_data(event)), "state": "finished"}
                self.tell("block", said, self._is_within(event.path))
                self.metrics.block_seconds.labels(name, event.path).observe(event.seconds)
            case of_run.StepFinished():
                self.job.progress = {"path": event.path, "index": event.index, "total": event.total}
                self.tell("step", _without_name(event_data(event)))
                self.metrics.step_seconds.labels(name).observe(event.seconds)
                self._preview(event)
            case _:
                data = event_data(event)
                if data is not None:
                    self.tell(str(data["event"]), _without_name(data))
                if isinstance(event, of_run.CacheHit):
                    self.metrics.cache_hits.labels(event.kind).inc()

    def tell(self, kind: str, data: dict[str, Any], is_within: bool = False) -> None:
        """Note an event."""
        if kind == "warning":
            data = {**data, "text": for_people(data["text"])}
        dropped = self.job.events.tell(kind, data, is_within)
        if dropped:
            self.metrics.preview_drops.inc(dropped)

    def warn(self, text: str) -> None:
        """Say that something went another way than was asked for."""
        self.tell("warning", {"path": "", "text": text})

    def _steps(self) -> int | None:
        found = self.job.asked.inputs.get("num_inference_steps")
        return found if isinstance(found, int) else None

    def _is_within(self, path: str) -> bool:
        return any(path.startswith(f"{loop}.") for loop in self._loops)

    def _preview(self, event: of_run.StepFinished) -> None:
        asked = self.job.asked.preview
        if asked is None or (event.index + 1) % asked["every"]:
            return
        latents = seen_at(event.path, "latents", event.values)
        shown = None if latents is None else first_shown(latents)
        image = None if shown is None else self.workflow.preview(shown)
        if image is None:
            return
        scale = asked["size"] / max(image.size)
        image = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, "JPEG", quality=80)
        data = base64.b64encode(buffer.getvalue()).decode()
        self.tell("preview", {"path": event.path, "index": event.index, "mime": "image/jpeg", "data": data})


def preview_options(given: object, refuse: Callable[[str], Exception]) -> dict[str, int] | None:
    """Return how previews are asked for: true, or `every` so many steps and the `size` of the longer side.

    Args:
        refuse: makes the error of a text.
    """
    if given is None or given is False:
        return None
    options = {} if given is True else given
    if not isinstance(options, dict) or set(options) - {"every", "size"}:
        raise refuse('preview is true, false, or {"every": steps, "size": pixels}.')
    every, size = options.get("every", 1), options.get("size", _USUAL_SIDE)
    if not _is_whole(every, 1, 10_000):
        raise refuse("preview: every is a whole number of steps from 1 on.")
    if not _is_whole(size, *_SIDES):
        raise refuse(f"preview: size is a whole number of pixels from {_SIDES[0]} to {_SIDES[1]}.")
    return {"every": every, "size": size}


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _without_name(data: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (data or {}).items() if name != "event"}
