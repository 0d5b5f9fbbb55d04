"""What became of a row."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from attrs import field, frozen

from ..state import BrickworkError, errors
from ..state.errors import faults_as_data

State = Literal["made", "there", "failed", "aside"]
"""A row was run; its images were there; it has an error of its own; it killed so many workers that it is not tried again."""


@frozen
class Outcome:
    """What became of one row.

    Attributes:
        row: its number. files: its images, of a row that was made or was there. error: `type`, `message` and `faults` of one that failed
            or was put aside. worker: who had it; empty where none did. seconds: of the run.
    """

    row: int
    name: str
    seed: int
    state: State
    files: tuple[Path, ...] = ()
    error: Mapping[str, Any] = field(factory=dict)
    worker: str = ""
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return it as data for JSON."""
        found: dict[str, Any] = {"row": self.row, "name": self.name, "seed": self.seed, "state": self.state}
        found |= {"files": [str(file) for file in self.files]} if self.files else {}
        found |= {"worker": self.worker} if self.worker else {}
        found |= {"seconds": round(self.seconds, 3)} if self.seconds else {}
        return {**found, **self.error}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Outcome:
        """Read what `to_dict` gave."""
        own = {name: data[name] for name in ("row", "name", "seed", "state", "worker", "seconds") if name in data}
        error = {name: data[name] for name in ("type", "message", "faults") if name in data}
        return cls(**own, files=tuple(map(Path, data.get("files", ()))), error=error)


def error_data(error: BaseException) -> dict[str, Any]:
    """Return an error as data: its class, its words, and every fault with the input that it is about."""
    return {"type": type(error).__name__, "message": str(error), "faults": faults_as_data(error)}


def error_class(data: Mapping[str, Any]) -> type[BrickworkError] | None:
    """Return the class of an error of another process, where it is one of this package's."""
    found = getattr(errors, str(data["type"]), None)
    return found if isinstance(found, type) and issubclass(found, BrickworkError) else None
