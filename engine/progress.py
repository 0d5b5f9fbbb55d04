"""The progress bar over a loop's steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .settings import RunSettings


def _nothing() -> None:
    return None


@contextmanager
def progress_bar(settings: RunSettings, total: int | None, done: int = 0) -> Iterator[Callable[[], object]]:
    """Yield what a loop calls after each iteration. The bar is closed when the loop ends, also by an exception."""
    if not settings.progress:
        yield _nothing
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, initial=done, **settings.progress_options) as bar:
        yield bar.update
