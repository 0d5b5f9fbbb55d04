"""One bar for many runs."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from .output import print_event


class CountedRuns:
    """A listener that counts finished runs: on a bar with the time that is left, or as lines of JSON."""

    def __init__(self, total: int, shows: bool, as_json: bool) -> None:
        from tqdm.auto import tqdm

        self._bar: Any = tqdm(total=total, disable=not shows, unit="run")
        self._as_json = as_json
        self.count, self.total = 0, total

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def __call__(self, event: object) -> None:
        """Take an event of a run."""
        from ....engine.events import RunFinished

        if isinstance(event, RunFinished):
            self.step(f"run {self.count + 1}", {"seconds": round(event.seconds, 4)})

    def step(self, said: str, about: dict[str, object]) -> None:
        """Count one."""
        self.count += 1
        self._bar.set_postfix_str(said, refresh=False)
        self._bar.update()
        if self._as_json:
            print_event({"event": "run", "index": self.count - 1, "total": self.total, **about})
