"""Whose code something is: this package's, an installed one's, or somebody's own."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType

PACKAGE = __name__.partition(".")[0]
_HOME = Path(__file__).resolve().parent.parent
ROOMS = (
    "state", "registry", "engine", "guiders", "families", "adapters", "blocks", "saving", "pipeline", "presets", "app",
)  # fmt: skip


def own_sources(rooms: Sequence[str] = ROOMS) -> Iterator[str]:
    """Yield the files of this package's code with size and time: in a checkout the code changes, and the version stays."""
    for room in rooms:
        yield from _sources(_HOME / room)


def _sources(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            if entry.name.endswith(".py"):
                yield f"{entry.path} {file_stamp(entry)}"
            elif entry.is_dir() and "." not in entry.name and not entry.name.startswith("_"):
                yield from _sources(Path(entry.path))


def file_stamp(file: str | os.DirEntry[str]) -> str:
    """Return size and time of a file, which change when it is written."""
    found = os.stat(file)  # noqa: PTH116 - of an entry of a folder, too
    return f"{found.st_size} {found.st_mtime_ns}"


def is_own(module_name: str | None) -> bool:
    """Return whether code is part of this package."""
    return (module_name or "").partition(".")[0] == PACKAGE


def is_packaged(module_name: str | None) -> bool:
    """Return whether code is part of this or any other installed package, or of Python."""
    return is_own(module_name) or is_library(module_name)


def is_library_function(function: FunctionType) -> bool:
    """Return whether a function is part of Python or an installed package.

    By the file of its code: decorators copy `__module__` and `__qualname__` from what they wrap.
    """
    file = function.__code__.co_filename
    if file.startswith("<"):  # generated: by whom, only the name says
        return is_library(function.__module__)
    return is_library_file(file)


def is_own_function(function: FunctionType) -> bool:
    """Return whether a function is part of this package, by the file of its code."""
    file = function.__code__.co_filename
    return is_own(function.__module__) if file.startswith("<") else _is_own_file(file)


def is_of_package(thing: object) -> bool:
    """Return whether a function, class or module is this package's or a library's."""
    if isinstance(thing, FunctionType):
        return is_own_function(thing) or is_library_function(thing)
    return is_packaged(thing.__name__ if isinstance(thing, ModuleType) else thing.__module__)


@cache
def _is_own_file(file: str) -> bool:
    path = Path(file).resolve()
    if not path.is_relative_to(_HOME):
        return False
    # Beside the package lie tests and examples, because its folder is the repository's root.
    module = sys.modules.get(
        ".".join([PACKAGE, *path.relative_to(_HOME).with_suffix("").parts]).removesuffix(".__init__")
    )
    return module is not None


@cache
def is_library_file(file: str) -> bool:
    # Packages also lie in the folders of a user, of a distribution, and of an environment that this one builds on.
    is_installed = not _INSTALLED.isdisjoint(Path(file).parts)
    is_library = is_installed or any(Path(file).is_relative_to(root) for root in _library_roots())
    return is_library and not _is_own_file(file)


_INSTALLED = frozenset({"site-packages", "dist-packages"})


@cache
def _library_roots() -> frozenset[str]:
    # Kept: Python puts its whole configuration together for each question.
    roots = (sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib", "platstdlib"))
    return frozenset(root for root in roots if root)


@cache
def is_library(module_name: str | None) -> bool:
    """Return whether code is part of Python or an installed package, for which a version stands; this package is
    none.
    """
    top = (module_name or "").partition(".")[0]
    if top == "__main__" or is_own(module_name):
        return False
    # By name first: frozen modules of the standard library have no file.
    if top in sys.stdlib_module_names:
        return True
    file = getattr(sys.modules.get(module_name or ""), "__file__", None)
    return file is not None and is_library_file(file)
