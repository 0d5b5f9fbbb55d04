"""Who runs rows: what is asked of processes here, of actors of Ray, and of this process itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from attrs import asdict, field, frozen

from .outcome import Outcome
from .row_runner import RowRunner
from .rows import Row

if TYPE_CHECKING:
    from ..pipeline import ModularPipeline


@frozen
class Ready:
    """A worker has loaded the pipeline. `record` says what it has; `error` that it could not, and shall not try again."""

    worker: int
    record: Mapping[str, Any] = field(factory=dict)
    error: Mapping[str, Any] = field(factory=dict)


@frozen
class Done:
    """A worker is through with a row."""

    worker: int
    outcome: Outcome


@frozen
class Died:
    """A worker has ended without being told to, and what it had is lost. Another one takes its place by itself."""

    worker: int
    words: str


Event = Ready | Done | Died


class Workers(Protocol):
    """Several workers that take rows. One is made for one job, started once, and closed."""

    count: int
    ahead: int
    """Rows that a worker may have at once: the one that it runs, and the next."""

    def start(self) -> None:
        """Begin to load the pipeline everywhere."""

    def give(self, worker: int, row: Row) -> None:
        """Hand a row to a worker that is ready."""

    def wait(self, seconds: float) -> list[Event]:
        """Return what has happened; wait for it no longer than so many seconds."""

    def close(self) -> None:
        """End all workers, also in the middle of a row."""


class Here:
    """This process itself, with a pipeline that is there."""

    count = ahead = 1

    def __init__(self, pipe: ModularPipeline, out: Path, retries: int, allow_urls: bool) -> None:
        self._runner = RowRunner(pipe, out, retries, allow_urls)
        self._rows: list[Row] = []
        self._is_new = True

    def start(self) -> None:
        """Do nothing: it is there."""

    def give(self, worker: int, row: Row) -> None:  # noqa: ARG002 - there is one
        """Keep a row until somebody waits."""
        self._rows.append(row)

    def wait(self, seconds: float) -> list[Event]:  # noqa: ARG002 - it has the row itself
        """Run the row that was given."""
        if self._is_new:
            self._is_new = False
            return [Ready(0)]
        return [Done(0, self._runner.run(self._rows.pop(0)))] if self._rows else []

    def close(self) -> None:
        """Do nothing: the pipeline is somebody else's."""


def row_data(row: Row) -> dict[str, Any]:
    """Return a row as data for JSON."""
    return asdict(row)


def row_of(data: Mapping[str, Any]) -> Row:
    """Read what `row_data` gave."""
    return Row(data["number"], data["name"], data["seed"], data["inputs"])
