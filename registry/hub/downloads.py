"""One bar over all that is downloaded together: how much is to come, how much of it is there, and how long it takes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from attrs import define, field

_LEAST = 1_000_000
"""Bytes from which on a bar is shown: configurations are there before anybody has read it."""


@define(eq=False)
class Downloads:
    """Counts the bytes of files that are downloaded together.

    Attributes:
        shows: whether a bar is drawn. others: names of files that will be wanted of a repository besides those that are asked for, so that the
            bar says from the beginning how much it all is; it is given the repository.
    """

    shows: bool
    others: Callable[[Any], Iterable[str]]
    _sizes: dict[tuple[str, str], int] = field(factory=dict, init=False)
    _there: dict[tuple[str, str], int] = field(factory=dict, init=False)
    _bar: Any = field(default=None, init=False)
    _is_counting: bool = field(default=False, init=False)

    def expect(self, repo: Any, names: Iterable[str]) -> None:
        """Count files that are to come; those that are here already are none.

        Args:
            repo: a `Repo` on the Hub.
        """
        if self._is_counting:
            return
        self._is_counting = True
        try:
            wanted = [*names, *self.others(repo)]
        finally:
            self._is_counting = False
        self._sizes |= {
            (repo.name, name): repo.sizes[name]
            for name in wanted
            if name in repo.sizes and (repo.name, name) not in self._sizes and not repo.is_here(name)
        }
        total = sum(self._sizes.values())
        if self._bar is None and self.shows and total >= _LEAST:
            from tqdm.auto import tqdm

            # Into a file a bar would be a line for each of its states.
            self._bar = tqdm(total=total, unit="B", unit_scale=True, desc=f"Downloading {repo.name}", disable=None)
        if self._bar is not None:
            self._bar.total = total
            self._show()

    def reach(self, key: tuple[str, str], count: int) -> None:
        """Note how many bytes of a file are there; what is downloaded again begins anew."""
        self._there[key] = count
        self._show()

    def finish(self, key: tuple[str, str]) -> None:
        """Note that a file is there as a whole."""
        if key in self._sizes:
            self.reach(key, self._sizes[key])

    def _show(self) -> None:
        if self._bar is not None:
            # What was read before its size was known is none of the whole.
            there = sum(count for key, count in self._there.items() if key in self._sizes)
            self._bar.update(there - self._bar.n)

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()

    def part(self, key: tuple[str, str]) -> type:
        """Return what the Hub's client takes for its bar over one file."""
        downloads = self

        class Part:
            """Tells the bar over all files how far one is."""

            def __init__(self, *_: object, initial: int = 0, **__: object) -> None:
                self.n = initial
                downloads.reach(key, initial)

            def update(self, n: float | None = 1) -> None:
                self.n += int(n or 0)
                downloads.reach(key, self.n)

            def __enter__(self) -> Part:
                return self

            def __exit__(self, *_: object) -> None: ...

            def close(self) -> None: ...

            def refresh(self, *_: object, **__: object) -> None: ...

            def set_description(self, *_: object, **__: object) -> None: ...

        return Part


_current: ContextVar[Downloads | None] = ContextVar("brickwork_downloads", default=None)


def _none(_: object) -> Iterable[str]:
    return ()


@contextlib.contextmanager
def one_bar(shows: bool = True, others: Callable[[Any], Iterable[str]] = _none) -> Iterator[None]:
    """Show one bar over all downloads within, in place of one for each file. Within another one it is that one's.

    Args:
        shows, others: see `Downloads`.
    """
    if _current.get() is not None:
        yield
        return
    found = Downloads(shows, others)
    token = _current.set(found)
    try:
        yield
    finally:
        _current.reset(token)
        found.close()


def expect_download(repo: Any, names: Iterable[str]) -> None:
    """Count files of a repository that will be downloaded, where somebody shows a bar."""
    if (found := _current.get()) is not None:
        found.expect(repo, names)


@contextlib.contextmanager
def bar_of(repo: str, name: str) -> Iterator[Mapping[str, Any]]:
    """Yield the option by which the Hub's client tells how far a file is; none where it shows a bar of its own."""
    found, key = _current.get(), (repo, name)
    if found is None:
        yield {}
        return
    yield {"tqdm_class": found.part(key)}
    found.finish(key)
