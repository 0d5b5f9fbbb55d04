"""What packages and repositories need to be installed, compared with what is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_OWN = "brickwork"


def installed_version(name: str) -> str | None:
    """Return the version of an installed distribution; None if there is none of this name, or nothing says its version."""
    if name == _OWN:
        from ... import __version__

        return __version__  # of a folder that was never installed, too
    try:
        # None where the metadata have no such field.
        found: Any = version(name)
    except (PackageNotFoundError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) else None


def version_faults(wanted: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is missing, or there in another version, of distributions and the versions that serve (">=1.2"; "1.2" alone is that one)."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    for name, versions in wanted.items():
        text = str(versions or "")
        try:
            specifier = SpecifierSet(text if text[:1] in ("", *"<>=!~") else f"=={text}")
        except InvalidSpecifier:
            yield f"{name}: {versions!r} is no version specifier."
        else:
            yield from _fault(name, specifier)


def requirement_faults(lines: Mapping[str, None] | list[str]) -> Iterator[str]:
    """Yield the same of requirements as packages write them (`Requires-Dist`). Those of other systems and of extras do not count."""
    from packaging.requirements import InvalidRequirement, Requirement

    for line in lines:
        try:
            wanted = Requirement(line)
        except InvalidRequirement as error:
            yield f"its requirement {line[:200]!r} cannot be read ({str(error).partition(chr(10))[0]})."
            continue
        if _counts(wanted):
            yield from _fault(wanted.name, wanted.specifier)


def _counts(wanted: Requirement) -> bool:
    from packaging.markers import UndefinedEnvironmentName

    try:
        return wanted.marker is None or wanted.marker.evaluate({"extra": ""})
    except UndefinedEnvironmentName:
        return False


def _fault(name: str, specifier: Any) -> Iterator[str]:
    there = installed_version(name)
    line = f"pip install {name}" if not specifier else f"pip install '{name}{specifier}'"
    wanted = f"{name} {specifier}".rstrip()
    if there is None:
        yield f"{wanted} is not installed: {line}."
    elif not _serves(specifier, there):
        yield f"{wanted} is wanted, and {there} is installed: {line}."


def _serves(specifier: Any, there: str) -> bool:
    from packaging.version import InvalidVersion

    try:
        return bool(specifier.contains(there, prereleases=True))
    except InvalidVersion:
        # Older packages have versions by no rule; nobody can say that they are others.
        return True
