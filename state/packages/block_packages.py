"""Installed packages that bring blocks, guiders and presets, and whether they fit: all by their metadata, nothing of them is imported."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint, distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from attrs import frozen

from ..errors import BrickworkError, CompositionError
from .api_version import api_fault
from .requirements import requirement_faults

BLOCKS = "brickwork.blocks"
"""Entry points of packages that bring blocks, and guiders."""
PRESETS = "brickwork.presets"
"""Entry points of packages that bring whole compositions."""
API = "brickwork.api"
"""Entry points whose names are the APIs that a package was written for: `1 = "my_package"`."""
_LONGEST = 1_000_000
"""Characters of a file of entry points; the longest of known packages have a hundredth of that."""


@frozen
class BlockPackage:
    """An installed package that brings something under a name.

    Attributes:
        name: of the distribution. version: empty if nothing says it. place: the folder that it is installed in.
        points: its blocks and presets. apis: of Brickwork that it says it was written for; none if it says nothing.
        faults: why it does not fit what is installed, a sentence each, with what to do. notes: what else is odd.
    """

    name: str
    version: str
    place: str
    points: tuple[EntryPoint, ...] = ()
    apis: tuple[int, ...] = ()
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """Its name with the version."""
        return f"{self.name} {self.version}".rstrip()

    def names(self, group: str) -> tuple[str, ...]:
        """Return the names that it registers in a group."""
        return tuple(point.name for point in self.points if point.group == group)


def points_of(group: str) -> list[EntryPoint]:
    """Return what installed packages register in a group; of two packages of one name, the first on the path.

    One whose metadata cannot be read registers nothing, and keeps no other from being read. They are read again where a folder of packages has
    changed since.
    """
    return [*_points_of(group, tuple((place, _state_of(place)) for place in sys.path))]


@lru_cache(maxsize=8)
def _points_of(group: str, places: tuple[tuple[str, object], ...]) -> tuple[EntryPoint, ...]:
    # To read the metadata of all packages takes 14 ms, and a composition is opened by the names of its blocks.
    del places
    return tuple(point for found in _declaring() if _name(found) for point in _points(found, group))


def _state_of(place: str) -> tuple[int, int] | None:
    try:
        found = Path(place).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def block_packages() -> list[BlockPackage]:
    """Return all packages that register something, with what does not fit, by name."""
    first: dict[str, Distribution] = {}
    found: dict[str, BlockPackage] = {}
    for each in distributions():
        key = _key(each)
        if first.setdefault(key, each) is each:
            found |= {key: package_of(each)} if _speaks_to_us(each) else {}
        elif key in found and found[key].place != _place(each):
            text = f"it is installed twice: {_version(each)} in {_place(each)} is not used; pip uninstall one."
            found[key] = _noted(found[key], text)
    shared = _shared_names(found.values())
    return sorted((_noted(each, *shared.get(each.name, ())) for each in found.values()), key=lambda each: each.name)


def _noted(package: BlockPackage, *notes: str) -> BlockPackage:
    from attrs import evolve

    return evolve(package, notes=(*package.notes, *notes))


def package_of(distribution: Distribution) -> BlockPackage:
    """Read what a distribution declares, and say what of it does not fit."""
    points, faults = [], []
    try:
        points = list(_read_points(distribution))
    except ValueError as error:
        faults.append(f"its entry points cannot be read ({error}).")
    faults += [fault for point in points for fault in _point_faults(point)]
    apis = [int(point.name) for point in points if point.group == API and _is_api(point.name)]
    unfit = api_fault(apis, f"pip install -U {_name(distribution) or ''}".strip())
    faults += [unfit] if unfit else []
    faults += requirement_faults(_requires(distribution))
    named = [point for point in points if point.group in (BLOCKS, PRESETS)] if _name(distribution) else []
    if not _name(distribution):
        faults.append("its METADATA say no name, so nothing of it has a name here; install it again.")
    return BlockPackage(
        _name(distribution) or _place(distribution),
        _version(distribution),
        _place(distribution),
        tuple(named),
        tuple(sorted(apis)),
        tuple(dict.fromkeys(faults)),
    )


def refuse_unfit(points: Iterable[EntryPoint]) -> None:
    """Refuse to import from packages that do not fit what is installed.

    Raises:
        CompositionError: some do not; every fault of every one is named.
    """
    faults = unfit(points)
    if faults:
        raise CompositionError.of("Installed packages do not fit", faults)


def unfit(points: Iterable[EntryPoint]) -> list[str]:
    """Return why the packages of entry points do not fit what is installed, with their names."""
    found = {_key(point.dist): point.dist for point in points if point.dist is not None}
    packages = [package_of(found[key]) for key in sorted(found)]
    return [f"{package.words} cannot be used: {fault}" for package in packages for fault in package.faults]


def load_point(point: EntryPoint) -> Any:
    """Import what an entry point names, once its package is known to fit.

    Raises:
        CompositionError: the package does not fit, or cannot be imported.
    """
    # What is imported already is not looked at for each of a thousand blocks.
    if point.value.partition(":")[0] not in sys.modules:
        refuse_unfit([point])
    try:
        return point.load()
    except BrickworkError as error:
        raise CompositionError(f"{long_name(point)} ({point.value}) cannot be used: {error}") from error
    except (Exception, SystemExit) as error:
        # Whatever the package does when it is imported: it says whose fault it is, and others are used all the same.
        said = str(error).partition("\n")[0][:300]
        raise CompositionError(
            f"{long_name(point)} cannot be imported from {point.value}: {type(error).__name__}: {said}. Update the package, or tell its author."
        ) from error


def names_of_point(point: EntryPoint) -> tuple[str, ...]:
    """Return the name alone, and with the package before it, also as Python spells that."""
    return point.name, long_name(point), long_name(point).replace("-", "_")


def long_name(point: EntryPoint) -> str:
    """Return the name of an entry point with its package before it."""
    return f"{point.dist.name}/{point.name}" if point.dist is not None else point.name


def _declaring() -> Iterator[Distribution]:
    """Yield the distributions that say something to us; of two of one name the first, which is the one that Python imports."""
    seen = set()
    for each in distributions():
        key = _key(each)
        if key not in seen and _speaks_to_us(each):
            yield each
        seen.add(key)


def _speaks_to_us(distribution: Distribution) -> bool:
    # Most packages do not, and to parse what they say would take all the time.
    return "[brickwork." in _text(distribution)


def _text(distribution: Distribution) -> str:
    try:
        return distribution.read_text("entry_points.txt") or ""
    except UnicodeDecodeError:
        # Nobody can tell whether it speaks to us; that it cannot be read is said where it is looked at.
        return "[brickwork."
    except OSError:
        return ""


def _read_points(distribution: Distribution) -> Iterator[EntryPoint]:
    """Yield what a distribution registers with us.

    Raises:
        ValueError: its file cannot be read.
    """
    if _text(distribution)[:1] == "\ufeff":
        raise ValueError("entry_points.txt begins with a byte order mark; save it as UTF-8 without one")
    if len(_text(distribution)) > _LONGEST:
        raise ValueError(f"entry_points.txt has more than {_LONGEST:,} characters")
    try:
        found = list(distribution.entry_points)
    except UnicodeDecodeError as error:
        raise ValueError(f"entry_points.txt is not UTF-8: {error.reason}") from error
    except (TypeError, AttributeError, KeyError) as error:
        raise ValueError("entry_points.txt has lines that are neither [group] nor name = module:attribute") from error
    yield from (point for point in found if point.group in (BLOCKS, PRESETS, API))


def _points(distribution: Distribution, group: str) -> list[EntryPoint]:
    try:
        return [point for point in _read_points(distribution) if point.group == group]
    except ValueError:
        return []


def _point_faults(point: EntryPoint) -> Iterator[str]:
    line = f"{point.name} = {point.value!r} under {point.group}"
    top = point.value.partition(":")[0].partition(".")[0]
    if point.group == API:
        if not _is_api(point.name):
            yield f"{line}: an API is a whole number, as in 1 = {top or 'my_package'!r}."
    elif not _is_reference(point.value):
        yield f"{line} is no module:Class."
    elif not _is_there(top):
        yield f"{line}: there is no module {top!r}; install the package again."


def _is_api(name: str) -> bool:
    return name.isascii() and name.isdigit() and len(name) < 10


def _is_reference(value: str) -> bool:
    found = EntryPoint.pattern.match(value)
    return found is not None and found["attr"] is not None


def _is_there(module: str) -> bool:
    """Return whether a module is there; the top one, of which nothing is imported for that."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        # ValueError: what is imported already, and was made without a spec.
        return True


def _shared_names(packages: Iterable[BlockPackage]) -> dict[str, list[str]]:
    """Return what to say, by package, of names that another one has, too."""
    owners: dict[tuple[str, str], list[str]] = {}
    values: dict[tuple[str, str], set[str]] = {}
    for package in packages:
        for point in package.points:
            owners.setdefault((point.group, point.name), []).append(package.name)
            values.setdefault((point.group, point.name), set()).add(point.value)
    found: dict[str, list[str]] = {}
    for key, names in owners.items():
        if len(values[key]) > 1:
            group, name = key
            what = "a block" if group == BLOCKS else "a preset"
            longer = " or ".join(f"{each}/{name}" for each in sorted(names))
            for each in dict.fromkeys(names):
                found.setdefault(each, []).append(f"{name!r} is {what} of several packages; write {longer}.")
    return found


def _requires(distribution: Distribution) -> list[str]:
    try:
        return list(distribution.requires or ())
    except (TypeError, ValueError, OSError):
        return []


def _field(distribution: Distribution, name: str) -> str:
    try:
        metadata = distribution.metadata
        return str(metadata[name]) if name in metadata else ""
    except (TypeError, ValueError, KeyError, OSError):
        # No METADATA at all, or none in UTF-8.
        return ""


def _name(distribution: Distribution) -> str:
    return _field(distribution, "Name").strip()


def _version(distribution: Distribution) -> str:
    return _field(distribution, "Version").strip()


def _key(distribution: Distribution) -> str:
    """Return what two distributions of one package have in common: names differ in case and in '-', '_' and '.'."""
    # By its folder, as Python does: to parse the metadata of every package takes longer than all the rest.
    folder = getattr(distribution, "_path", None)
    stem = (
        folder.name.partition("-")[0]
        if folder is not None and folder.name.endswith((".dist-info", ".egg-info"))
        else ""
    )
    return re.sub(r"[-_.]+", "-", stem or _name(distribution) or _place(distribution)).lower()


def _place(distribution: Distribution) -> str:
    try:
        return str(distribution.locate_file(""))
    except (TypeError, ValueError, NotImplementedError):
        return ""
