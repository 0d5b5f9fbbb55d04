"""The source files of custom blocks, for a repository: what a block needs, or a refusal in words."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.metadata import packages_distributions, version
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from attrs import define, field, frozen

from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.binding import further_parts
from ..blocks.core.block_catalog import is_adoptable, reference
from ..blocks.core.flattening import walk
from ..blocks.core.interface import snake_case
from ..registry.hub.repo_code import relative_imports, sources_of
from ..state import RepoError
from ..state.code_home import is_own
from ..state.packages.api_version import API_VERSION
from ..state.packages.block_packages import BLOCKS, points_of
from .block_slice import sliced_source

_NO_OTHERS: Mapping[str, Iterable[type]] = MappingProxyType({})


@frozen
class Sources:
    """Holds what a composition brings besides its description.

    Attributes:
        files: name in the repository to content. places: custom class to its reference, "./file.py:Class".
        requirements: distribution to the versions that serve. cut_out: classes of scripts and notebooks, whose file is none of its
            author's.
    """

    files: Mapping[str, bytes]
    places: Mapping[type, str]
    requirements: Mapping[str, str]
    cut_out: tuple[type, ...] = ()

    @property
    def api(self) -> int | None:
        """The API of Brickwork that the code is written for; None where there is none."""
        return API_VERSION if self.files else None

    def name_of(self, cls: type) -> str:
        """Return the reference of a class of blocks within the repository."""
        return self.places.get(cls) or reference(cls)


def collect_sources(blocks: ModularPipelineBlocks, others: Mapping[str, Iterable[type]] = _NO_OTHERS) -> Sources:
    """Collect the sources of all blocks of a composition that no installed package brings.

    Args:
        others: component to the classes that it needs besides, such as a guider of one's own.

    Raises:
        RepoError: what a block needs cannot be told, or would not be there for others; every fault is named.
    """
    collection = _Collection()
    needed = [(name, cls) for name, classes in others.items() for cls in classes]
    for place, cls in [*own_classes(blocks), *needed]:
        try:
            collection.add(cls)
        except RepoError as error:
            collection.faults.append(f"{place}: {error}")
    if collection.faults:
        raise RepoError.of("The blocks cannot be saved with their code", list(dict.fromkeys(collection.faults)))
    collection.require("brickwork")
    requirements = dict(sorted(collection.requirements.items()))
    return Sources(collection.files, collection.places, requirements, tuple(collection.cut_out))


def own_classes(blocks: ModularPipelineBlocks) -> Iterator[tuple[str, type]]:
    """Yield the classes whose code a composition needs, and not every reader has with brickwork or diffusers, by path."""
    for path, block in walk(blocks):
        for cls in (block.source_class, *further_parts(type(block))):
            if not (is_own(cls.__module__) or is_adoptable(cls)):
                yield path or type(block).__name__, cls


@define(eq=False)
class _Collection:
    files: dict[str, bytes] = field(factory=dict)
    places: dict[type, str] = field(factory=dict)
    requirements: dict[str, str] = field(factory=dict)
    faults: list[str] = field(factory=list)
    cut_out: list[type] = field(factory=list)

    def add(self, cls: type) -> None:
        """Add a class: by its package where that registers it, else with its source."""
        if cls in self.places:
            return
        # A package that registers a block promises its name; its code is not copied, so that its fixes arrive.
        if any(point.value == reference(cls) for point in points_of(BLOCKS)):
            self.require(cls.__module__.partition(".")[0])
            return
        if "<locals>" in cls.__qualname__:
            raise RepoError(f"{cls.__qualname__} is defined within a function; define it at the top level of a module.")
        file, files = _files_of(cls)
        if not _has_own_file(cls):
            self.cut_out.append(cls)
        for name, data in files.items():
            # Two modules of one name in two folders: relative imports of the one would get the other's.
            if self.files.setdefault(name, data) != data:
                raise RepoError(f"Two different files are named {name}; rename one of the modules.")
            for fault in self._imports(name, data, cls):
                self.faults.append(fault)
        self.places[cls] = f"./{file}:{cls.__qualname__}"

    def _imports(self, name: str, data: bytes, cls: type) -> Iterator[str]:
        """Note what a file needs to be installed, and say what nobody else would have."""
        for top, line in _absolute_imports(data):
            # The list of this Python; what another version has not is an error of import there, in words that say so.
            if top in sys.stdlib_module_names:
                continue
            if top in _installed() or is_own(top):
                self.require(top)
            else:
                own = top == cls.__module__.partition(".")[0] or _lies_beside(top, cls)
                advice = f"import it relatively (from .{top} import ...)" if own else "install it as a package"
                yield f"{name}, line {line}: {top!r} would not be there for others; {advice}."

    def require(self, top: str) -> None:
        """Note the distribution of a top-level module."""
        for distribution in [top] if is_own(top) else _installed().get(top, [])[:1]:
            self.requirements[distribution] = f">={version(distribution).partition('+')[0]}"


def _installed() -> Mapping[str, list[str]]:
    """Return the distributions that are installed, by the modules that they bring."""
    places = [Path(place or ".") for place in sys.path]
    return _installed_in(tuple((str(each), each.stat().st_mtime_ns) for each in places if each.exists()))


# Half a second, as the list of files of every package is read, and asked for each import; a folder's time is another one when
# something was installed there.
@lru_cache(maxsize=1)
def _installed_in(_places: tuple[tuple[str, int], ...]) -> Mapping[str, list[str]]:
    return packages_distributions()


def _files_of(cls: type) -> tuple[str, dict[str, bytes]]:
    """Return the file that a class is in, and all that come along."""
    # Of an opened repository the files as they were opened; on disk they may be others by now.
    loaded = sources_of(cls.__module__)
    if loaded is not None:
        return loaded[0], dict(loaded[1])
    if not _has_own_file(cls):
        name = f"{snake_case(cls.__name__)}.py"
        return name, {name: sliced_source(cls).encode("utf-8")}
    return _module_files(sys.modules[cls.__module__])


def _has_own_file(cls: type) -> bool:
    """Return whether a class is of a module that is copied as it is; of a script or notebook, only what it needs is
    cut out.
    """
    path: Any = getattr(sys.modules.get(cls.__module__), "__file__", None)
    is_file = cls.__module__ != "__main__" and path is not None and Path(path).is_file()
    return is_file or sources_of(cls.__module__) is not None


def _module_files(module: ModuleType) -> tuple[str, dict[str, bytes]]:
    """Return a module's file, and those that it imports relatively, under the folder that holds them all."""
    assert module.__file__ is not None
    package = module.__name__.split(".")[:-1]
    # Names within a package say how deep the file lies; a relative import may go up to its top, and no further.
    top = Path(module.__file__).parents[max(len(package) - 1, 0)] if package else Path(module.__file__).parent
    own = "/".join([*package[1:], Path(module.__file__).name]) if package else Path(module.__file__).name
    found: dict[str, bytes] = {}
    pending = [own]
    while pending:
        name = pending.pop()
        if name in found or not (top / name).is_file():
            continue
        found[name] = (top / name).read_bytes()
        pending += relative_imports(name, found[name])
    shared = _shared_folder(found)
    return own.removeprefix(shared), {name.removeprefix(shared): data for name, data in found.items()}


def _shared_folder(names: Iterable[str]) -> str:
    """Return the deepest folder that holds all files, with a slash; no file that is in it reaches out of it."""
    folders = [name.split("/")[:-1] for name in names]
    shared: list[str] = []
    for parts in zip(*folders, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return "".join(f"{part}/" for part in shared)


def _absolute_imports(data: bytes) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(data)):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0], node.lineno


def _lies_beside(top: str, cls: type) -> bool:
    file: Any = getattr(sys.modules.get(cls.__module__), "__file__", None)
    return file is not None and ((Path(file).parent / f"{top}.py").exists() or (Path(file).parent / top).is_dir())
