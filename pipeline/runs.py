"""The runs of one pipeline that go on now, and what they left."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from .recipes.recipe import Recipe

if TYPE_CHECKING:
    from .active_run import ActiveRun


class Runs:
    """Knows what a pipeline is doing now. It does not hold the pipeline, which would then outlive its last reference."""

    def __init__(self) -> None:
        self._going: set[ActiveRun] = set()
        self._lock = threading.Lock()
        # By thread: with one for all, a thread that waits for its image would read the recipe of another's.
        self._of_thread = threading.local()

    @property
    def last_recipe(self) -> Recipe | None:
        """The recipe of the last run of this thread."""
        return getattr(self._of_thread, "recipe", None)

    def note(self, recipe: Recipe) -> Recipe:
        """Keep a recipe as that of this thread's last run."""
        self._of_thread.recipe = recipe
        return recipe

    def add(self, run: ActiveRun) -> None:
        """Note a run, which can be cancelled from now on."""
        # Another thread may walk the set, in `cancel`, while this one adds to it.
        with self._lock:
            self._going.add(run)

    def remove(self, run: ActiveRun) -> None:
        """Forget a run that is over."""
        with self._lock:
            self._going.discard(run)

    @property
    def is_going(self) -> bool:
        """Whether a run goes on, in whichever thread."""
        with self._lock:
            return bool(self._going)

    def cancel(self) -> None:
        """Ask every run to stop before its next block."""
        with self._lock:
            for run in self._going:
                run.cancel()
