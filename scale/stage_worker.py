"""A stage: makes the driver's pipeline again, loads what its steps compute with, and runs these of every run."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Any

from attrs import asdict, evolve, frozen

from ..pipeline.run_parts import first_part, further_part
from ..pipeline.snapshots import Snapshot
from ..state import BrickworkError, InputError, RunError
from ..state.value_file import load_values, save_values
from .job import Job
from .outcome import error_class, error_data
from .worker import opened_here

INPUTS, HANDED_ON, RESULT, ERROR = b"i", b"h", b"r", b"e"
"""First byte of what goes from one stage to the next."""


@frozen
class StagePart:
    """Which part of a run a stage does.

    Attributes:
        number: from 1. last: path of its last step; None where that is the run's. components: that it computes with. device: of torch.
    """

    number: int
    last: str | None
    components: tuple[str, ...]
    device: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as data for JSON."""
        return asdict(self)


class StageWorker:
    """Runs one part of each run, in a process of its own."""

    def __init__(self, job: Mapping[str, Any], part: Mapping[str, Any]) -> None:
        self._job = Job.from_dict(job)
        self._part = StagePart(**{**part, "components": tuple(part["components"])})
        self._pipe: Any = None

    @property
    def _name(self) -> str:
        return f"stage {self._part.number} ({socket.gethostname()}:{os.getpid()})"

    def ready(self) -> dict[str, Any]:
        """Load; return nothing, or why this cannot be the driver's pipeline."""
        try:
            pipe = opened_here(self._job)
            # What only other stages use is not loaded, and of what only says how it is made, the configuration alone.
            pipe.configure(load="on demand")
            if self._part.device != "cpu":
                pipe.to(self._part.device)
            pipe.load_components([name for name in self._part.components if pipe.components[name] is None])
        except BrickworkError as error:
            data = error_data(error)
            return {**data, "message": f"{self._name}: {data['message']}"}
        self._pipe = pipe
        return {}

    def run(self, content: bytes) -> bytes:
        """Run this part of a run of which the stage before has handed on a snapshot, or of one that begins."""
        kind, content = content[:1], content[1:]
        if kind == ERROR:  # of a stage before
            return kind + content
        try:
            return self._ran(kind, content)
        except Exception as error:  # noqa: BLE001 - whatever it is, the driver raises it
            data = error_data(error)
            return ERROR + save_values(
                None, {}, {**data, "notes": [*getattr(error, "__notes__", ()), f"In {self._name}."]}
            )

    def _ran(self, kind: bytes, content: bytes) -> bytes:
        last = self._part.last
        if kind == INPUTS:
            inputs, about = load_values(content)
            assert last is not None
            return HANDED_ON + first_part(self._pipe, inputs, about["output"], last).to_bytes()
        snapshot = Snapshot.from_bytes(content)
        found = further_part(self._pipe, snapshot, last)
        if last is not None:
            return HANDED_ON + bytes(found.to_bytes())
        output = snapshot.output
        values = {output: found} if isinstance(output, str) else dict(found)
        recipe = self._pipe.last_recipe
        return RESULT + save_values(None, values, {"recipe": recipe.to_dict(), "output": output})


def inputs_to_send(inputs: Mapping[str, Any], output: str | list[str]) -> bytes:
    """Return what the first stage is given.

    Raises:
        RunError: an input cannot be written; all of them are named.
    """
    return INPUTS + save_values(None, inputs, {"output": output})


def result_of(content: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values that were asked for, and what is said of them: `recipe` and `output`.

    Raises:
        BrickworkError: what a stage raised, of its class where that is one of this package's; another one as RunError.
    """
    kind, content = content[:1], content[1:]
    values, about = load_values(content)
    if kind == RESULT:
        return values, about
    raise error_of(about)


def error_of(data: Mapping[str, Any]) -> BrickworkError:
    """Return an error of another process, from its data."""
    cls = error_class(data)
    error = RunError(f"{data['type']}: {data['message']}") if cls is None else cls(data["message"])
    for note in data.get("notes", ()):
        error.add_note(note)
    return error


def part_job(job: Job) -> Job:
    """Return a job as stages do it: which device each has, its part says."""
    if job.device is not None and job.device != "cpu":
        raise InputError(
            f"The pipeline is on {job.device}; stages have devices of their own: call pipe.to('cpu') before."
        )
    return evolve(job, device=None)
