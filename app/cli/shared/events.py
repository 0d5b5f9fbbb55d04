"""Events of a run as lines of JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ....engine import events as of_run
from .output import print_event


def event_data(event: of_run.Event) -> dict[str, Any] | None:  # noqa: PLR0911 - one line per kind of event
    """Return an event as data for JSON; None for one that says nothing to who watches from outside."""
    match event:
        case of_run.RunStarted():
            return {"event": "started", "paths": list(event.paths)}
        case of_run.BlockFinished():
            return {"event": "block", "path": event.path, "seconds": _short(event.seconds), "bytes": event.bytes}
        case of_run.StepFinished():
            return {
                "event": "step", "path": event.path, "index": event.index, "total": event.total, "seconds": _short(event.seconds),
            }  # fmt: skip
        case of_run.CacheHit():
            return {"event": "cache", "path": event.path, "kind": event.kind, "seconds": _short(event.seconds)}
        case of_run.ComponentLoaded():
            return {"event": "component", "name": event.name, "action": "loaded", "seconds": _short(event.seconds)}
        case of_run.ComponentMoved():
            return {"event": "component", "name": event.name, "action": "moved", "bytes": event.bytes}
        case of_run.ComponentFreed():
            return {"event": "component", "name": event.name, "action": "freed"}
        case of_run.RunWarning():
            return {"event": "warning", "path": event.path, "text": event.text}
    return None


class EventLines:
    """A listener that writes events; of blocks within a loop it writes the loop's steps only."""

    def __init__(self, writes: bool) -> None:
        self._writes = writes
        self._loops: list[str] = []
        self._seconds = 0.0

    def __call__(self, event: of_run.Event) -> None:
        """Take an event."""
        if isinstance(event, of_run.StepStarted) and event.path not in self._loops:
            self._loops.append(event.path)
        if isinstance(event, of_run.RunFinished):
            self._seconds = event.seconds
        is_within = isinstance(event, of_run.BlockFinished) and any(event.path.startswith(f"{p}.") for p in self._loops)
        data = None if is_within else event_data(event)
        if data is not None and self._writes:
            print_event(data)

    def preview(self, path: str, index: int, file: Path) -> None:
        """Say that an image of the latents was written."""
        if self._writes:
            print_event({"event": "preview", "path": path, "index": index, "file": str(file)})

    def finished(self, files: Mapping[str, Sequence[Path]]) -> None:
        """Say what a run has made: the files of each output."""
        outputs = [
            {"name": output, "index": index, "file": str(file), "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
            for output, written in files.items()
            for index, file in enumerate(written)
        ]
        print_event({"event": "finished", "seconds": _short(self._seconds), "outputs": outputs})


def _short(seconds: float) -> float:
    return round(seconds, 4)
