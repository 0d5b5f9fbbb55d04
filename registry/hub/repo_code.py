"""Code of repositories: read once, checked, and imported from what was read, under a name that is nobody else's."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from attrs import define, field

from ...state import RepoError, TrustError
from ...state.garbage import without_collections
from ...state.limits import LARGEST_CODE, MOST_CODE_FILES
from ...state.reading import read_bytes
from .repo import Repo
from .repo_paths import checked_name
from .trust import Grant
from .verified import text_digest

PREFIX = "brickwork_repo_"
_lock = threading.Lock()


def read_sources(repo: Repo, entries: Iterable[str]) -> dict[str, bytes]:
    """Read files of code, and those that they import relatively. Nothing is run.

    Raises:
        RepoError: one is not there, too large, or no Python. TrustError: a name leads out of the repository.
    """
    found: dict[str, bytes] = {}
    pending = list(dict.fromkeys(entries))
    while pending:
        name = checked_name(pending.pop())
        if name in found:
            continue
        path = repo.file(name)
        if path is None:
            raise RepoError(f"{repo.name} has no file {name}, which its code needs.")
        found[name] = read_bytes(path, LARGEST_CODE)
        if len(found) > MOST_CODE_FILES or sum(map(len, found.values())) > LARGEST_CODE:
            raise RepoError(
                f"{repo.name} has more code than is read: at most {LARGEST_CODE:,} bytes in {MOST_CODE_FILES} files."
            )
        pending += [each for each in relative_imports(name, found[name], repo) if repo.file(each) is not None]
    return found


def relative_imports(name: str, source: bytes, repo: Repo | None = None) -> list[str]:
    """Names of the files that a file of code imports relatively.

    Raises:
        RepoError: it is no Python. TrustError: an import leads out of the repository.
    """
    where = name if repo is None else f"{name} of {repo.name}"
    try:
        with warnings.catch_warnings(), without_collections():
            warnings.simplefilter("ignore")  # of somebody else's spelling; Python tells it when the code is run
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise RepoError(f"{where} is no Python that this version reads: {error}.") from None
    folder = name.split("/")[:-1]
    wanted: list[str] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        if node.level > len(folder) + 1:
            raise TrustError(f"{where} imports from outside of the repository (line {node.lineno}).")
        base = folder[: len(folder) - node.level + 1]
        modules = [[*base, *node.module.split(".")]] if node.module else [[*base, each.name] for each in node.names]
        for parts in modules:
            wanted += ["/".join(parts) + ".py", "/".join([*parts, "__init__.py"])]
        if node.module:
            wanted += ["/".join([*modules[0], each.name]) + ".py" for each in node.names if each.name != "*"]
    return wanted


@define(eq=False)
class _Package:
    """The sources of one repository at one state, as a package."""

    name: str
    origin: str
    sources: Mapping[str, bytes]
    modules: dict[str, tuple[str, bool]] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.modules[self.name] = ("__init__.py" if "__init__.py" in self.sources else "", True)
        for file in self.sources:
            parts = file.removesuffix(".py").split("/")
            is_package = parts[-1] == "__init__"
            parts = parts[:-1] if is_package else parts
            for depth in range(1, len(parts)):
                self.modules.setdefault(".".join([self.name, *parts[:depth]]), ("", True))
            if parts:
                self.modules[".".join([self.name, *parts])] = (file, is_package)


_packages: dict[str, _Package] = {}


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports modules of granted packages from the bytes that were checked; no file is read again, and none is cached."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> Any:  # noqa: ARG002 - protocol
        package = _packages.get(fullname.partition(".")[0])
        if package is None or fullname not in package.modules:
            return None
        file, is_package = package.modules[fullname]
        spec = importlib.machinery.ModuleSpec(
            fullname, self, origin=f"{package.origin}/{file}" if file else None, is_package=is_package
        )
        spec.has_location = bool(file)
        return spec

    def get_source(self, fullname: str) -> str:
        package = _packages[fullname.partition(".")[0]]
        file, _ = package.modules[fullname]
        return importlib.util.decode_source(package.sources[file]) if file else ""

    def is_package(self, fullname: str) -> bool:
        return _packages[fullname.partition(".")[0]].modules[fullname][1]

    def get_code(self, fullname: str) -> Any:
        package = _packages[fullname.partition(".")[0]]
        file, _ = package.modules[fullname]
        return compile(package.sources.get(file, b""), f"{package.origin}/{file}", "exec", dont_inherit=True)


_finder = _Finder()


def import_code(repo: Repo, sources: Mapping[str, bytes], grant: Grant) -> str:
    """Make a repository's code importable if the caller grants it; return the name of its package.

    Raises:
        TrustError: it is not granted, or changed.
    """
    digest = grant.check(repo, sources)
    state = text_digest(f"{repo.key} {repo.commit} {digest}".encode())[:16]
    name = f"{PREFIX}{state}"
    with _lock:
        if _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)
        if name not in _packages:
            _packages[name] = _Package(name, f"{repo.name}@{repo.commit or digest[:12]}", dict(sources))
    return name


@contextlib.contextmanager
def trial(sources: Mapping[str, bytes]) -> Iterator[Callable[[str, str], type[Any]]]:
    """Make sources that come from this process importable for a while, to see that they are whole; nothing of them stays.

    Yields a function that takes a file and the name of a class in it, and raises RepoError where it cannot be imported.
    """
    package = _Package(f"{PREFIX}tried", "what would be saved", dict(sources))

    def find(file: str, name: str) -> type[Any]:
        try:
            return class_of(package.name, file, name)
        except RepoError:
            raise
        except Exception as error:  # whatever the code does while it is imported
            raise RepoError(
                f"{file}, which would bring {name}, cannot be imported: {error!r}. Move it to a module."
            ) from error

    with _lock:
        if _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)
        _packages[package.name] = package
        try:
            yield find
        finally:
            del _packages[package.name]
            for module in [each for each in sys.modules if each.partition(".")[0] == package.name]:
                del sys.modules[module]


def class_of(package: str, file: str, name: str) -> type[Any]:
    """Return a class of a file of granted code.

    Raises:
        RepoError: importing fails, or there is no such class.
    """
    module_name = ".".join([package, *file.removesuffix(".py").split("/")]).removesuffix(".__init__")
    known = _packages[package]
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        missing = getattr(error, "name", None) or ""
        own = f"{missing}.py" in known.sources
        advice = (
            f"import it relatively (from .{missing} import ...)" if own else f"install {missing.partition('.')[0]!r}"
        )
        raise RepoError(f"{file} of {known.origin} cannot be imported: {error}. To mend it, {advice}.") from error
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type):
        there = [n for n, value in vars(module).items() if isinstance(value, type) and value.__module__ == module_name]
        raise RepoError(f"{file} of {known.origin} has no class {name!r}; it has: {', '.join(there) or 'none'}.")
    return found


def sources_of(module: ModuleType | str) -> tuple[str, Mapping[str, bytes]] | None:
    """The file and all sources of the repository that a module was imported from; None for other modules."""
    name = module if isinstance(module, str) else module.__name__
    package = _packages.get(name.partition(".")[0])
    return None if package is None else (package.modules[name][0], package.sources)


def entry_files(references: Sequence[str]) -> list[str]:
    """The files of references such as "./block.py:Class"."""
    return list(dict.fromkeys(reference.removeprefix("./").partition(":")[0] for reference in references))
