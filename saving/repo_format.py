"""`brickwork.json`: what a repository of ours says besides diffusers' own files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, frozen

from ..registry.hub.repo_files import OURS, RepoFiles
from ..registry.index import ABSENT, OWN
from ..state import RepoError
from ..state.structure import Commit, Sha256, structured
from .written_block import WrittenBlock

NAME = OURS
VERSION = 1


@frozen
class RepoFormat:
    """The content of `brickwork.json`.

    Attributes:
        composition: as `describe` writes it, custom blocks as "./file.py:Class".
        sources: file of code to its SHA-256. requirements: distribution to version specifier.
        created: component that is made from a configuration to it, where it is none of the blocks' own.
        pins: component to what the index said of it when it was saved, and the commit that it was loaded from.
        dtypes: component to its number format, where that is not float32, in which others are loaded.
        adapters: LoRAs and taught words that lie in files of their own; see `saved_adapters.py`.
        inputs: values for inputs that a call does not give, as data.
        absent: components that are none on purpose. api: of Brickwork, that its code was written for.
        own: what the index calls the repository itself, so that it is known when it was moved, copied or published again.
    """

    composition: Mapping[str, Any]
    sources: Mapping[str, str] = field(factory=dict)
    requirements: Mapping[str, str] = field(factory=dict)
    created: Mapping[str, Any] = field(factory=dict)
    pins: Mapping[str, Any] = field(factory=dict)
    dtypes: Mapping[str, str] = field(factory=dict)
    adapters: Mapping[str, Any] = field(factory=dict)
    inputs: Mapping[str, Any] = field(factory=dict)
    absent: tuple[str, ...] = ()
    own: str | None = None
    api: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        rest = {
            "dtypes": dict(self.dtypes),
            "adapters": dict(self.adapters),
            "inputs": dict(self.inputs),
            ABSENT: list(self.absent),
            OWN: self.own,
            "api": self.api,
        }
        return {
            "brickwork": VERSION,
            "composition": dict(self.composition),
            "sources": dict(self.sources),
            "requirements": dict(self.requirements),
            "created": dict(self.created),
            "pins": dict(self.pins),
            **{name: part for name, part in rest.items() if part},
        }

    @classmethod
    def of(cls, files: RepoFiles) -> RepoFormat | None:
        """Read it from a repository's files; None if it has none.

        Raises:
            RepoError: it is broken, or of a later version.
        """
        if files.ours is None:
            return None
        data, name = files.ours.content, files.repo.name
        # Before the schema, which would complain of a later version's fields one by one.
        if data.get("brickwork") != VERSION:
            raise RepoError(f"{NAME} of {name} is not of version {VERSION}, which this Brickwork reads.")
        structured(_Written, data, f"{NAME} of {name}")
        return cls(**{name: value for name, value in data.items() if name != "brickwork"})


@frozen
class _Pin:
    """Notes what the index said of a component when it was saved, and the commit that it was loaded from."""

    entry: Mapping[str, str | None]
    commit: Commit | None = None


@frozen
class _Written:
    """The schema of the file."""

    brickwork: Literal[1]
    composition: WrittenBlock
    sources: Mapping[str, Sha256] = field(factory=dict)
    requirements: Mapping[str, str | None] = field(factory=dict)
    created: Mapping[str, Mapping[str, Any]] = field(factory=dict)
    pins: Mapping[str, _Pin] = field(factory=dict)
    dtypes: Mapping[str, str] = field(factory=dict)
    adapters: Mapping[str, Any] = field(factory=dict)
    inputs: Mapping[str, Any] = field(factory=dict)
    absent: tuple[str, ...] = ()
    own: str | None = None
    api: int | None = None


def guider_references(created: object) -> list[str]:
    """Return the names of guiders that are none of ours, in components that are made of configurations:
    "./file.py:Class", "module:Class".
    """
    found: list[str] = []
    # A list and no recursion: the file is anybody's, and may be nested deeper than Python's stack.
    pending = [created]
    while pending:
        entry = pending.pop()
        if isinstance(entry, Mapping):
            name = entry.get("_class_name")
            found += [name] if isinstance(name, str) and ":" in name else []
            pending += entry.values()
    return list(dict.fromkeys(found))


def references(composition: object) -> list[str]:
    """Return all "./file.py:Class" of a composition."""
    found: list[str] = []
    pending = [composition]
    while pending:
        entry = pending.pop()
        if not isinstance(entry, Mapping):
            continue
        name = entry.get("block")
        if isinstance(name, str) and name.startswith("./"):
            found.append(name)
        inner = entry.get("blocks")
        pending += inner.values() if isinstance(inner, Mapping) else []
        parts = entry.get("parts")
        pending += parts if isinstance(parts, (list, tuple)) else []
    return list(dict.fromkeys(found))
