"""Runs rows with one pipeline: what is there already is not run again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..pipeline.forms.file_values import read_inputs
from ..state import BrickworkError
from .made_rows import MadeRows
from .outcome import Outcome, error_data
from .rows import Row

if TYPE_CHECKING:
    from ..pipeline import ModularPipeline


class RowRunner:
    """Runs rows, and writes their images with their recipes into a folder.

    Args:
        retries: how often a row is tried again after an error that is not its own, such as memory that ran out.
        allow_urls: whether images of addresses are loaded. worker: a name for who it is.
    """

    def __init__(self, pipe: ModularPipeline, out: Path, retries: int, allow_urls: bool, worker: str = "") -> None:
        self._pipe = pipe
        self._out = out
        self._retries = retries
        self._allow_urls = allow_urls
        self._worker = worker
        self._made = MadeRows(pipe)
        self._known: dict[str, Any] = pipe.input_schema()["properties"]

    def run(self, row: Row) -> Outcome:
        """Run a row, where its images are not there, and say how it ended. Ctrl-C and what ends a process are raised."""
        from ..pipeline.recipes.recipe_files import save

        started = time.perf_counter()
        for attempt in range(self._retries + 1):
            try:
                values = read_inputs({**row.inputs, "seed": row.seed}, self._known, self._allow_urls)
                there = self._made.files(values, self._out, row.name)
                if there is not None:
                    return Outcome(row.number, row.name, row.seed, "there", tuple(there), worker=self._worker)
                files = save(self._pipe(**values, output="images"), self._out / f"{row.name}.png")
                seconds = time.perf_counter() - started
                return Outcome(row.number, row.name, row.seed, "made", tuple(files), {}, self._worker, seconds)
            # What is the row's own is not tried again.
            except BrickworkError as error:
                return self._failed(row, error)
            except Exception as error:  # noqa: BLE001 - the other rows go on, and the outcome says what it was
                if attempt == self._retries:
                    return self._failed(row, error)
        raise AssertionError

    def _failed(self, row: Row, error: Exception) -> Outcome:
        return Outcome(row.number, row.name, row.seed, "failed", (), error_data(error), self._worker)
