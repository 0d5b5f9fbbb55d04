"""A cache of steps in a folder, for calls of several processes. What lies there is data: safetensors files, never pickles."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import platform
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from time import time
from typing import Any

from .. import __version__
from ..state import RepoError
from ..state.code_home import own_sources
from ..state.user_warnings import caller_level
from ..state.value_file import load_values, save_values
from .cache import AS_IT_IS, Entry, MemoryCache
from .execution.kept_values import kept_of_data, written_kept
from .memory import held_bytes
from .witness import Given

_logger = logging.getLogger("brickwork")
_ENDING = ".step.safetensors"
_UNFINISHED = ".tmp.safetensors"
_ABANDONED = 3600.0
"""Seconds after which nobody writes an unfinished file any more: its process was killed."""
DEFAULT_DISK_BYTES = 20 * 10**9


class DiskCache(MemoryCache):
    """Keeps results of steps as files of a folder, which other processes read, now and later.

    `pipe.configure(cache=DiskCache("cache"))`. Keys are those of `MemoryCache`, with the versions of the libraries and this package's code, since
    a folder outlives them. Files are whole or not there, so that several processes may use one folder at once. A file that is damaged is said, and
    the step is computed again. Who can write into the folder decides what runs give; give it to nobody else.

    Args:
        folder: made when the first result is kept. max_bytes: budget on disk; what was used longest ago goes first.
        steps: also remember every iteration of loops.
    """

    def __init__(self, folder: str | Path, max_bytes: int = DEFAULT_DISK_BYTES, steps: bool = False) -> None:
        super().__init__(max_bytes, steps)
        self.folder = Path(folder)

    def find(self, key: str) -> Entry | None:
        """Read an entry; one that cannot be read is none."""
        path = self._place(key)
        if not path.is_file():
            return None
        try:
            entry = _read(path)
        except (RepoError, OSError) as error:
            # Another process may have let go of it between the look and the reading.
            if path.is_file():
                _logger.warning("The step is computed again: %s", error, stacklevel=caller_level())
            return None
        with contextlib.suppress(OSError):  # of a folder that is only read
            os.utime(path)
        return entry

    def count(self, key: str, entry: Entry | None) -> None:  # noqa: ARG002
        """Count a hit, or a miss (None), whose file the result will replace."""
        with self._lock:
            self.hits += entry is not None
            self.misses += entry is None
            self.seconds_saved += 0.0 if entry is None else entry.seconds

    def put(self, key: str, entry: Entry) -> None:
        """Write an entry, and let others go for it; a folder that cannot be written is said, and no fault of the run.

        Raises:
            RunError: it holds something that no file can.
        """
        if entry.bytes > self.max_bytes:
            return
        values, about = _written(entry)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            save_values(self._place(key), values, about)
        except (RepoError, OSError) as error:
            _logger.warning("A result is not kept: %s", error, stacklevel=caller_level())
            return
        self._shrink()

    def clear(self) -> None:
        """Delete all results in the folder."""
        for path, _, _ in self._files():
            path.unlink(missing_ok=True)

    def _place(self, key: str) -> Path:
        whole = hashlib.sha256("\0".join([key, *_software()]).encode()).hexdigest()
        return self.folder / f"{whole}{_ENDING}"

    def _files(self, ending: str = _ENDING) -> Iterator[tuple[Path, float, int]]:
        """Yield files of results, with when each was used last, and its bytes."""
        with contextlib.suppress(OSError), os.scandir(self.folder) as entries:
            for each in entries:
                with contextlib.suppress(FileNotFoundError):  # another process was quicker
                    if each.name.endswith(ending):
                        found = each.stat()
                        yield Path(each.path), found.st_mtime, found.st_size

    def _shrink(self) -> None:
        for path, written, _ in self._files(_UNFINISHED):
            if time() - written > _ABANDONED:
                path.unlink(missing_ok=True)
        files = sorted(self._files(), key=lambda each: each[1])
        used = sum(size for _, _, size in files)
        for path, _, size in files:
            if used <= self.max_bytes:
                return
            path.unlink(missing_ok=True)
            used -= size

    @property
    def used_bytes(self) -> int:
        """Bytes of all results in the folder."""
        return sum(size for _, _, size in self._files())

    def __len__(self) -> int:
        return sum(1 for _ in self._files())

    def __repr__(self) -> str:
        from ..registry.loading.weights import byte_words

        used = f"{byte_words(self.used_bytes)} of {byte_words(self.max_bytes)}"
        return f"DiskCache({str(self.folder)!r}, {len(self)} entries, {used}, {self.hits} hits, {self.misses} misses)"


@cache
def _software() -> tuple[str, ...]:
    """Return what else decides what a step gives, which all keys of one process share."""
    import diffusers
    import numpy as np
    import torch
    import transformers

    versions = [f"{each.__name__} {each.__version__}" for each in (torch, diffusers, transformers, np)]
    machine = f"{platform.python_version()} {platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
    devices = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    return (__version__, *versions, machine, *devices, *own_sources())


def _written(entry: Entry) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return an entry as values of a file, and data about them."""
    values = {f"value {name}": written_kept(kept) for name, kept in entry.values.items()}
    states = {
        f"state {name} {key}": written_kept(part)
        for name, state in entry.states.items()
        for key, part in state.items()
        if part is not AS_IT_IS
    }
    about = {
        "removed": list(entry.removed),
        "groups": {group: list(names) for group, names in entry.groups.items()},
        "digests": dict(entry.digests),
        "seconds": entry.seconds,
        "as_it_is": {
            name: [key for key, part in state.items() if part is AS_IT_IS] for name, state in entry.states.items()
        },
        "witness": None
        if entry.witness is None
        else [[each.path, [list(loop) for loop in each.loops], each.name, each.digest] for each in entry.witness],
        "said": [list(each) for each in entry.said],
    }
    return {**values, **states, "generators": list(entry.generators)}, about


def _read(path: Path) -> Entry:
    """Read what `_written` has given.

    Raises:
        RepoError: it is no such file, or a damaged one.
    """
    found, about = load_values(path)
    try:
        states: dict[str, dict[str, Any]] = {
            name: dict.fromkeys(keys, AS_IT_IS) for name, keys in about["as_it_is"].items()
        }
        values = {}
        for name, data in found.items():
            kind, _, rest = name.partition(" ")
            if kind == "value":
                values[rest] = kept_of_data(data)
            elif kind == "state":
                component, _, key = rest.partition(" ")
                states[component][key] = kept_of_data(data)
        generators = tuple(found["generators"])
        groups = {group: tuple(names) for group, names in about["groups"].items()}
        size = held_bytes([*values.values(), *(state.values() for state in states.values()), *generators])
        return Entry(values, tuple(about["removed"]), groups, states, generators, about["digests"], float(about["seconds"]), size,
                     _witness(about["witness"]), _said(about["said"]))  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RepoError(f"{path} holds no result of a step ({type(error).__name__}: {error}).") from None


def _said(data: list[Any]) -> tuple[tuple[str, str, bool], ...]:
    return tuple((str(path), str(text), bool(is_note)) for path, text, is_note in data)


def _witness(data: list[Any] | None) -> tuple[Given, ...] | None:
    if data is None:
        return None
    return tuple(Given(path, tuple((p, n) for p, n in loops), name, digest) for path, loops, name, digest in data)
