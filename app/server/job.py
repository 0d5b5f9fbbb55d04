"""One run of a server, from the request to its outputs; and the file that keeps it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from attrs import asdict, define, field, frozen

from ...engine.serving.work_queue import Priority, Task
from ...pipeline.recipes.recipe import Recipe
from ...state import RepoError
from ...state.atomic import write_text
from ...state.limits import LARGEST_RECIPE
from ...state.strict_json import read_json
from .errors import RefusedError
from .event_log import EventLog

if TYPE_CHECKING:
    from ...pipeline.pipeline_run import PipelineRun

Status = Literal["queued", "running", "finished", "failed", "cancelled"]
Sort = Literal["run", "replay", "branch"]
OVER = frozenset({"finished", "failed", "cancelled"})
_FILE, _FORMAT = "run.json", 1
_EVENTS, _LARGEST_EVENTS = "events.json", 16_000_000
"""Bytes: a log has 1.5 MB of previews and 2,000 steps at most, and an event of each block beside."""


@frozen
class Asked:
    """What a client asks for, as data.

    Attributes:
        inputs: as JSON has them, with a seed, and results of other runs as names of files. output: a name, or several. preview: `every` so many steps, and `size` in
            pixels of the longer side; None for none. sort: "replay" makes the run `of` again, "branch" goes on with it before the step `at_step`, with
            `changes`. point: of a sweep, the inputs that are its own. merges: its forwards may be shared with other runs. scheduler: by name, in place of the
            workflow's.
    """

    workflow: str
    inputs: Mapping[str, Any]
    output: str | Sequence[str] | None = None
    priority: Priority = "interactive"
    preview: Mapping[str, int] | None = None
    sort: Sort = "run"
    of: str | None = None
    at_step: int | None = None
    loop: str | None = None
    changes: Mapping[str, Any] | None = None
    sweep: str | None = None
    point: Mapping[str, Any] | None = None
    merges: bool = True
    scheduler: str | None = None

    @property
    def all_inputs(self) -> dict[str, Any]:
        """The inputs, with what a variant changes of them."""
        return {**self.inputs, **(self.changes or {})}


@define(eq=False)
class Job:
    """A run of the server.

    Attributes:
        number: counts runs, in the order in which they were asked for. outputs: as the event `finished` lists them, each with the name of its `file` in the
            folder. verdict: of a replay, whether it gave the same, and what differs. is_stopping: the server stops, and the run goes on after a restart.
    """

    id: str
    number: int
    asked: Asked
    client: str
    folder: Path
    cost: float = 1.0
    created: float = field(factory=time.time)
    status: Status = "queued"
    started: float | None = None
    seconds: float | None = None
    outputs: list[dict[str, Any]] = field(factory=list)
    error: dict[str, Any] | None = None
    verdict: dict[str, Any] | None = None
    events: EventLog = field(factory=EventLog)
    progress: dict[str, Any] | None = None
    task: Task | None = None
    run: PipelineRun | None = None
    is_cancelled: bool = False
    is_stopping: bool = False

    @property
    def snapshot(self) -> Path:
        """Where its last state is kept, if it is."""
        return self.folder / "snapshot.safetensors"

    @property
    def recipe(self) -> Path:
        """Where its recipe is kept."""
        return self.folder / "recipe.json"

    def read_recipe(self) -> Recipe:
        """Read its recipe.

        Raises:
            RefusedError: the file was changed, cut short or deleted since it was written.
        """
        try:
            return Recipe.from_dict(read_json(self.recipe, LARGEST_RECIPE))
        except RepoError as error:
            raise self.without_recipe() from error

    def without_recipe(self) -> RefusedError:
        """Return the answer to who asks for its recipe where that is spoilt."""
        text = (
            f"The recipe of the run {self.id} cannot be read any more: its file was changed, cut short or deleted since. The run can be asked for "
            "anew, with its inputs and its seed."
        )
        return RefusedError(410, "RecipeError", text)

    def cancel(self) -> None:
        """Let it end before its next block, or not begin."""
        # In this order: a run that begins meanwhile says where it is first, and then looks.
        self.is_cancelled = True
        if self.run is not None:
            self.run.cancel()

    def file(self, name: str, index: int, ending: str) -> Path | None:
        """Return the file of an output; None where there is none."""
        found = next((each for each in self.outputs if (each["name"], each["index"]) == (name, index)), None)
        return self.folder / found["file"] if found is not None and found["file"].endswith(f".{ending}") else None

    def data(self) -> dict[str, Any]:
        """Return what is told of it."""
        asked = self.asked
        found = {
            "id": self.id, "workflow": asked.workflow, "status": self.status, "inputs": asked.all_inputs, "output": asked.output,
            "priority": asked.priority, "created": self.created, "started": self.started, "seconds": self.seconds,
            "progress": self.progress, "outputs": self.said_outputs(), "error": self.error, "sort": asked.sort,
        }  # fmt: skip
        more = {
            "of": asked.of, "at_step": asked.at_step, "changes": asked.changes, "sweep": asked.sweep, "point": asked.point,
            "verdict": self.verdict, "scheduler": asked.scheduler,
        }  # fmt: skip
        return {**found, **{name: value for name, value in more.items() if value is not None}}

    def said_outputs(self) -> list[dict[str, Any]]:
        """Return its outputs with their addresses."""
        return [
            {"name": each["name"], "index": each["index"], "sha256": each["sha256"],
             "url": f"/api/runs/{self.id}/outputs/{each['name']}/{each['index']}{Path(each['file']).suffix}"}
            for each in self.outputs
        ]  # fmt: skip

    def keep(self) -> None:
        """Write it to its file, which is whole or as it was."""
        asked = asdict(self.asked, recurse=False)
        kept = {name: getattr(self, name) for name in _KEPT}
        self.folder.mkdir(parents=True, exist_ok=True)
        write_text(self.folder / _FILE, json.dumps({"format": _FORMAT, "asked": asked, **kept}))

    def keep_events(self) -> None:
        """Write what happened to a file, so that its steps can be looked at after a restart."""
        write_text(self.folder / _EVENTS, json.dumps({"events": self.events.data()}))

    def take_up_events(self) -> None:
        """Read what `keep_events` has written; nothing where there is no such file.

        Raises:
            RepoError: it is no such file.
        """
        path = self.folder / _EVENTS
        if path.is_file():
            try:
                self.events.take_up(read_json(path, _LARGEST_EVENTS)["events"])
            except (KeyError, TypeError, ValueError) as error:
                raise RepoError(f"{path} has no events of a run: {error!r}.") from None

    @classmethod
    def kept(cls, folder: Path) -> Job:
        """Read what `keep` has written.

        Raises:
            RepoError: it is no such file.
        """
        data = read_json(folder / _FILE)
        try:
            if data["format"] != _FORMAT:
                raise RepoError(f"{folder} is of another version.")
            if data["status"] not in get_args(Status):
                raise RepoError(f"{folder} has a run with the status {str(data['status'])[:40]!r}, which is none.")
            found = cls(asked=Asked(**data["asked"]), folder=folder, **{name: data[name] for name in _KEPT})
            # What does not go together shows when it is told.
            json.dumps([found.data(), found.number + 0, found.cost + 0])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RepoError(f"{folder} is no run of a server: {error!r}.") from None
        return found


_KEPT = ("id", "number", "client", "cost", "created", "status", "started", "seconds", "outputs", "error", "verdict")
