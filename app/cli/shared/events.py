"""Events of a run as lines of JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from ....engine import events as of_run
from ...shared.event_data import event_data, short
from .output import print_event


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
        print_event({"event": "finished", "seconds": short(self._seconds), "outputs": outputs})
