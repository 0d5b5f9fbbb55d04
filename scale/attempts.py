"""How often a row has ended its worker, kept beside the results, so that a driver that is started again knows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..state import RepoError
from ..state.atomic import write_text
from .rows import Row

FILE = "attempts.json"
MOST = 3
"""Workers that a row may end."""


class Attempts:
    """Counts, by row. A row is known by its name, and by what it asks for: another one of the same name begins anew.

    Raises:
        RepoError: the file is none of ours.
    """

    def __init__(self, folder: Path, identity: Any) -> None:
        self._file = folder / FILE
        self._identity = identity
        self._known: dict[str, dict[str, Any]] = {}
        if self._file.is_file():
            try:
                found = json.loads(self._file.read_text(encoding="utf-8"))
                self._known = {str(name): {"row": str(e["row"]), "ends": int(e["ends"]), "last": str(e["last"])} for name, e in found.items()}  # fmt: skip
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise RepoError(
                    f"{self._file} does not say how often rows have ended workers ({error!r}); delete it."
                ) from error

    def aside(self, row: Row) -> str | None:
        """Say why a row is not tried again; None if it may be."""
        known = self._of(row)
        return _words(known) if known.get("ends", 0) >= MOST else None

    def died(self, row: Row, words: str) -> str | None:
        """Count a worker that ended in the middle of a row; return why the row is not tried again, or None if it may be."""
        known = {"row": self._identity(row), "ends": self._of(row).get("ends", 0) + 1, "last": words}
        self._known[row.name] = known
        self._write()
        return self.aside(row)

    def forget(self, name: str) -> None:
        """Forget a row that is over."""
        if self._known.pop(name, None) is not None:
            self._write()

    def _of(self, row: Row) -> Mapping[str, Any]:
        known = self._known.get(row.name, {})
        return known if known and known["row"] == self._identity(row) else {}

    def _write(self) -> None:
        if self._known:
            write_text(self._file, json.dumps(self._known, indent=2, ensure_ascii=False) + "\n")
        else:
            self._file.unlink(missing_ok=True)


def _words(known: Mapping[str, Any]) -> str:
    return (
        f"It has ended {known['ends']} workers and is put aside. The last one {known['last']} "
        f"Delete {FILE} to try it again."
    )
