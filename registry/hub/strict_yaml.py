"""YAML that people write: plain data with the scalars of YAML 1.2, and where each part stands. No code, no surprises.

There are no aliases and anchors, no tags, no merge keys, no key twice; `no` is text, `012` is 12, `1:30` is text.
Source of the scalars: https://yaml.org/spec/1.2.2/#103-core-schema.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from attrs import define, field, frozen

from ...state import RepoError
from ...state.limits import DEEPEST_YAML, LARGEST_SLOW_YAML, LARGEST_YAML, MOST_YAML_ITEMS
from ...state.reading import read_bytes

_IS_FAST = bool(yaml.__with_libyaml__)
_LOADER: Any = yaml.CSafeLoader if _IS_FAST else yaml.SafeLoader
LARGEST = LARGEST_YAML if _IS_FAST else LARGEST_SLOW_YAML
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@frozen
class Document:
    """A file's data, and the line and column of each part, by its path of keys and indices."""

    name: str
    data: Any
    places: dict[tuple[Any, ...], tuple[int, int]]

    def at(self, *path: object) -> str:
        """Where a part stands, or the nearest part around it: "soft.yaml, line 3, column 5"."""
        while path and path not in self.places:
            path = path[:-1]
        line, column = self.places.get(path, (1, 1))
        return f"{self.name}, line {line}, column {column}"


def read_yaml(path: Path) -> Document:
    """Read a file.

    Raises:
        RepoError: it cannot be read, or is no such YAML; with line and column.
    """
    return parse_yaml(read_bytes(path, LARGEST), path.name)


def parse_yaml(data: bytes, name: str) -> Document:
    """Parse bytes in UTF-8; `name` is for errors.

    Raises:
        RepoError: as `read_yaml`.
    """
    if len(data) > LARGEST:
        raise RepoError(f"{name} has {len(data):,} bytes; at most {LARGEST:,} are read.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RepoError(f"{name} is no text in UTF-8: {error}.") from None
    try:
        reader = _Reader(name, yaml.parse(text, Loader=_LOADER))
        data_read = reader.document()
        if reader.twice:
            raise RepoError.of(f"{name} has keys twice", reader.twice)
        return Document(name, data_read, reader.places)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise RepoError(f"{name}{where}: {error.problem or error}.") from None
    except yaml.YAMLError as error:
        raise RepoError(f"{name} is no YAML: {error}.") from None


@define(eq=False)
class _Reader:
    """Builds data of the parser's events."""

    name: str
    events: Iterator[Any]
    places: dict[tuple[Any, ...], tuple[int, int]] = field(factory=dict)
    twice: list[str] = field(factory=list)

    def document(self) -> Any:
        data, count = None, 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                count += 1
                self._require(count == 1, event, "there is a second document; a file holds one")
                self._require(not event.tags, event, "tags are not read")
                data = self._value(next(self.events), ())
        return data

    def _value(self, event: Any, path: tuple[Any, ...]) -> Any:
        self.places[path] = (event.start_mark.line + 1, event.start_mark.column + 1)
        self._require(len(self.places) <= MOST_YAML_ITEMS, event, f"there are more than {MOST_YAML_ITEMS:,} values")
        self._require(not isinstance(event, yaml.AliasEvent), event, "aliases (*name) are not read; write the part out")
        self._require(event.anchor is None, event, "anchors (&name) are not read; write the part out")
        self._require(event.tag is None, event, f"tags ({event.tag}) are not read; there is plain data only")
        self._require(len(path) <= DEEPEST_YAML, event, f"it is nested deeper than {DEEPEST_YAML} levels")
        if isinstance(event, yaml.ScalarEvent):
            return event.value if event.style or not event.implicit[0] else scalar(event.value)
        return self._list(path) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(path)

    def _list(self, path: tuple[Any, ...]) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            found.append(self._value(event, (*path, len(found))))
        return found

    def _mapping(self, path: tuple[Any, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            is_key = isinstance(event, yaml.ScalarEvent) and event.anchor is None and event.tag is None
            self._require(is_key, event, "a key is a plain word or text")
            self._require(event.value != "<<" or bool(event.style), event, "merge keys (<<) are not read")
            key = event.value
            first = self.places.get((*path, key))
            if key in found:
                self.twice.append(
                    self._at(event, f"the key {key!r} stands there twice, first in line {first and first[0]}")
                )
            place = (event.start_mark.line + 1, event.start_mark.column + 1)
            found[key] = self._value(next(self.events), (*path, key))
            self.places[(*path, key)] = place
        return found

    def _require(self, holds: bool, event: Any, fault: str) -> None:
        if not holds:
            raise RepoError(self._at(event, fault))

    def _at(self, event: Any, fault: str) -> str:
        mark = event.start_mark
        return f"{self.name}, line {mark.line + 1}, column {mark.column + 1}: {fault}."


def scalar(text: str) -> Any:
    """What a plain scalar means in YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        if len(text) > 100:
            return text
        return int(text, 8) if text.startswith("0o") else int(text, 16) if text.startswith("0x") else int(text, 10)
    return float(text) if _FLOAT.fullmatch(text) else text


def written(data: object, name: str = "the data") -> str:
    """Write data as such YAML: what `parse_yaml` reads as the same.

    Raises:
        RepoError: it would be read as something else, or not at all; `name` says what.
    """
    options: dict[str, Any] = {"sort_keys": False, "allow_unicode": True, "default_flow_style": False, "width": 120}
    try:
        text: str = yaml.dump(data, Dumper=_Dumper, **options)
        again = parse_yaml(text.encode("utf-8"), name).data
    except (yaml.YAMLError, ValueError, RecursionError, RepoError) as error:
        raise RepoError(f"{name} cannot be written: {error}") from error
    if again != data:
        raise RepoError(f"{name} cannot be written: YAML holds something in it only as something else.")
    return text


class _Dumper(yaml.SafeDumper):
    """Quotes text that YAML 1.2 would take for something else; PyYAML knows the rules of 1.1 only."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - everything is written out
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> Any:
    plain = scalar(value) == value and isinstance(scalar(value), str)
    node = dumper.represent_str(value)
    if not plain:
        node.style = "'"
    return node


_represent: Callable[..., None] = _Dumper.add_representer
_represent(str, _text)
