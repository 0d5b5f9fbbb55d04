"""The progress bar over a loop's steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .settings import RunSettings


def _nothing() -> None:
    return None


def bar_options(settings: RunSettings) -> dict[str, Any]:
    """Return the settings of progress bars as arguments of tqdm."""
    return {"disable": not settings.progress, **settings.progress_options}


@contextmanager
def progress_bar(settings: RunSettings, total: int | None, done: int = 0) -> Iterator[Callable[[], object]]:
    """Yield what a loop calls after each iteration. The bar is closed when the loop ends, also by an exception."""
    if not settings.progress:
        yield _nothing
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, initial=done, **settings.progress_options) as bar:
        yield bar.update
