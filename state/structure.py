"""Data of files as frozen classes: every part is looked at, and every fault is named with its place in the file.

A class of attrs is the schema: its fields are the keys, their annotations what may stand there. `None`, `bool`, `int`, `float`, `str`,
`Literal`, `Mapping[str, X]`, `tuple[X, ...]`, unions, other such classes and `Annotated[X, Check(...)]` are understood; a key is
required where the field has no default. A ValueError of the class's own is a fault, too. Numbers are not made of text, and nothing is
called that the data name.

    composition.blocks.denoise.options.steps: expected int, got list.
"""

from __future__ import annotations

import numbers
import re
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Literal, NoReturn, TypeVar, cast

import attrs
from attrs import frozen

from .errors import BrickworkError, RepoError, did_you_mean
from .limits import DEEPEST
from .value_data import data_fault

T = TypeVar("T")
Place = tuple[str | int, ...]
Reader = Callable[[Any, Place, "Faults"], Any]
_MOST_FAULTS = 50


@frozen
class Check:
    """Says what a value must be besides its type: `words` as in "expected a SHA-256", and whether it `holds`; `schema` is what JSON schema
    can say of it.

    It stands in a name of the module, not in the class: `typing` evaluates annotations where a function would not see the module.
    """

    words: str
    holds: Callable[[Any], bool]
    schema: Mapping[str, Any] = attrs.field(factory=dict, eq=False)


@frozen
class Fault:
    """Says what is wrong at a place; that of a key stands at the key, and names it itself."""

    place: Place
    text: str
    of_key: bool = False

    def sentence(self, said: Callable[[Place], str]) -> str:
        """Return the faults as one sentence for people; `said` gives words for a place."""
        where = said(self.place[:-1] if self.of_key else self.place)
        return f"{where}: {self.text}" if where else self.text


class Faults(list[Fault]):
    """Faults of one file; of very many, the first and how many more there are."""

    more = 0

    @property
    def total(self) -> int:
        """The number of faults, also of those that are not kept."""
        return len(self) + self.more

    def add(self, place: Place, text: str, of_key: bool = False) -> None:
        """Add one."""
        # A file of a million wrong entries must not make a message of a million lines.
        if len(self) < _MOST_FAULTS:
            self.append(Fault(place, text, of_key))
        else:
            self.more += 1

    def sentences(self, said: Callable[[Place], str]) -> list[str]:
        """Return a sentence for each; `said` gives words for a place."""
        found = [each.sentence(said) for each in self]
        return [*found, f"{self.more:,} more faults."] if self.more else found


@frozen
class Key:
    """Names in annotations the key of the file, where that is no name in Python, such as "class"."""

    name: str


@frozen
class _PlainData:
    """Marks plain data, also with notes of what is none."""

    notes: bool


Data = Annotated[Any, _PlainData(notes=False)]
"""In annotations: plain data, as `state.value_data` writes values, at any depth that a file may have."""
DataOrNote = Annotated[Any, _PlainData(notes=True)]
"""The same, or what stands for something that is no data."""


Sha256 = Annotated[str, Check("a SHA-256 in hexadecimal", lambda text: re.fullmatch("[0-9a-f]{64}", text) is not None)]
Commit = Annotated[str, Check("a commit in hexadecimal", lambda text: re.fullmatch("[0-9a-f]{40}", text) is not None)]


def structured(cls: type[T], data: object, name: str, error: type[BrickworkError] = RepoError) -> T:
    """Make an object of a schema's class.

    Args:
        name: of the file, for errors.

    Raises:
        RepoError: (or what `error` is) the data do not fit; every fault is named.
    """
    found, faults = examined(cls, data)
    if faults:
        raise_faults(error, f"{name} is broken", faults.sentences(place_words))
    return cast(T, found)


def raise_faults(error: type[BrickworkError], heading: str, said: Sequence[str]) -> NoReturn:
    """Raise one error of several faults; the heading, which names the file, stands before a single one, too."""
    raise error.of(heading, said if len(said) > 1 else [f"{heading}: {said[0]}"])


def examined(hint: object, data: object) -> tuple[Any, Faults]:
    """Return what `structured` makes, and all faults; the first is of no use where there are any."""
    faults = Faults()
    return reader_of(hint)(data, (), faults), faults


def place_words(place: Place) -> str:
    """Return a place for people: "blocks.denoise.options[2]"."""
    words = ""
    for part in place:
        if isinstance(part, int):
            words += f"[{part}]"
        else:
            plain = part[:60] if part.isprintable() and part else repr(part[:60])
            words += f".{plain}" if words else plain
    return words


def got(data: object) -> str:
    """Return what stands there, for people: short things themselves, others by type."""
    # Cut before `repr`: a text from a file may be as long as the file.
    if data is None or isinstance(data, (bool, int, float, str)):
        return repr(data[:40] if isinstance(data, str) else data)[:60]
    return type(data).__name__


@cache
def reader_of(hint: Any) -> Reader:
    """Return the function that reads one kind of data."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is None or hint in _PLAIN:
        return _plain(type(None) if hint is None else hint)
    if origin in _BY_ORIGIN:
        return _BY_ORIGIN[origin](*arguments)
    if attrs.has(hint):
        return _classed(hint)
    if hint is Any:
        return lambda data, _place, _faults: data
    raise TypeError(f"{hint!r} is nothing that data of files are read as.")


def is_schema(hint: object) -> bool:
    """Return whether a hint says something that data of files can be compared with."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Annotated, tuple):
        return is_schema(arguments[0])
    if origin in _BY_ORIGIN:
        return origin is Literal or all(is_schema(each) for each in arguments)
    return hint is None or hint in _PLAIN


_PLAIN: Mapping[Any, type] = {
    type(None): type(None), bool: bool, int: numbers.Integral, float: numbers.Real, str: str,
}  # fmt: skip


def _is_plain(kind: object, data: object) -> bool:
    # For Python True is a whole number; in a file it is a mistake.
    if not isinstance(data, _PLAIN[kind]) or (isinstance(data, bool) and kind is not bool):
        return False
    # A whole number may be larger than any fraction.
    return kind is not float or not isinstance(data, int) or abs(data) <= sys.float_info.max


def _plain(kind: object) -> Reader:
    def read(data: object, place: Place, faults: Faults) -> Any:
        if not _is_plain(kind, data):
            faults.add(place, f"expected {_name(kind)}, got {got(data)}.")
        return data

    return read


def _data(notes: bool) -> Reader:
    def read(data: object, place: Place, faults: Faults) -> Any:
        fault = data_fault(data, DEEPEST - len(place), notes)
        if fault is not None:
            faults.add((*place, *fault[0]), fault[1])
        return data

    return read


def _annotated(hint: object, *notes: object) -> Reader:
    plain = next((each for each in notes if isinstance(each, _PlainData)), None)
    inner = reader_of(hint) if plain is None else _data(plain.notes)
    checks = [each for each in notes if isinstance(each, Check)]

    def read(data: object, place: Place, faults: Faults) -> Any:
        before = faults.total
        found = inner(data, place, faults)
        # A check may take for granted that the type is right.
        if faults.total == before:
            for check in checks:
                if not check.holds(found):
                    faults.add(place, f"expected {check.words}, got {got(data)}.")
                    break
        return found

    return read


def _union(*options: object) -> Reader:
    readers = [(each, reader_of(each)) for each in options]

    def read(data: object, place: Place, faults: Faults) -> Any:
        fitting = next((reader for each, reader in readers if _may_be(each, data)), None)
        if fitting is not None:
            return fitting(data, place, faults)
        faults.add(place, f"expected {' or '.join(map(_name, options))}, got {got(data)}.")
        return data

    return read


def _may_be(hint: Any, data: Any) -> bool:
    """Return whether data are of the outer kind of a hint, so that its faults are those that are told."""
    origin = typing.get_origin(hint)
    if origin is Annotated:
        return _may_be(typing.get_args(hint)[0], data)
    if hint in _PLAIN:
        return _is_plain(hint, data)
    if origin is Literal:
        return data in typing.get_args(hint)
    if origin is tuple:
        return isinstance(data, (list, tuple))
    return isinstance(data, Mapping) if origin is Mapping or attrs.has(hint) else True


def _literal(*options: object) -> Reader:
    def read(data: object, place: Place, faults: Faults) -> Any:
        if not any(data == each and type(data) is type(each) for each in options):
            words = " or ".join(map(repr, options))
            near = f" {did_you_mean(data, map(str, options))}" if isinstance(data, str) and len(options) > 2 else ""
            faults.add(place, f"expected {words}, got {got(data)}.{near}")
        return data

    return read


def _listed(hint: object, *_: object) -> Reader:
    def read(data: object, place: Place, faults: Faults) -> Any:
        if not isinstance(data, (list, tuple)):
            faults.add(place, f"expected list, got {got(data)}.")
            return ()
        reader = reader_of(hint)
        return tuple(reader(part, (*place, number), faults) for number, part in enumerate(data))

    return read


def _mapped(_key: object, hint: object) -> Reader:
    def read(data: Any, place: Place, faults: Faults) -> Any:
        if not _is_mapping(data, place, faults):
            return {}
        reader = reader_of(hint)
        return {name: reader(part, (*place, name), faults) for name, part in data.items()}

    return read


def _is_mapping(data: object, place: Place, faults: Faults) -> bool:
    if not isinstance(data, Mapping):
        faults.add(place, f"expected dict, got {got(data)}.")
        return False
    if not all(isinstance(name, str) for name in data):
        faults.add(place, "its keys must be text.")
        return False
    if len(place) >= DEEPEST:
        faults.add(place, f"it is nested deeper than {DEEPEST} levels.")
        return False
    return True


def _classed(cls: Any) -> Reader:
    def read(data: Any, place: Place, faults: Faults) -> Any:
        if not _is_mapping(data, place, faults):
            return None
        keys, before = _keys_of(cls), faults.total
        for name in data:
            if name not in keys:
                # Only as long as faults are told: looking for near names is the slowest part, and a file can have any
                # number of keys.
                near = did_you_mean(name[:60], keys) if faults.total < _MOST_FAULTS else ""
                faults.add((*place, name), f"{name[:60]!r} is unknown. {near}", of_key=True)
        found = {}
        for key, (name, hint, is_required) in keys.items():
            if key in data:
                found[name] = reader_of(hint)(data[key], (*place, key), faults)
            elif is_required:
                faults.add(place, f"{key!r} is missing.")
        if faults.total > before:
            return None
        try:
            return cls(**found)
        except ValueError as error:  # what the class itself wants of its parts together
            faults.add(place, str(error))
            return None

    return read


@cache
def _keys_of(cls: Any) -> dict[str, tuple[str, Any, bool]]:
    """Return key of the file to the field's name, what may stand there, and whether it must."""
    hints = typing.get_type_hints(cls, include_extras=True)
    found = {}
    for field in attrs.fields(cls):
        hint = hints[field.name]
        named = [each.name for each in getattr(hint, "__metadata__", ()) if isinstance(each, Key)]
        found[named[0] if named else field.name] = (field.name, hint, field.default is attrs.NOTHING)
    return found


_BY_ORIGIN: Mapping[Any, Callable[..., Reader]] = {
    Annotated: _annotated, typing.Union: _union, types.UnionType: _union, Literal: _literal, tuple: _listed, Mapping: _mapped,
}  # fmt: skip


def _name(hint: Any) -> str:
    origin = typing.get_origin(hint)
    if origin is Annotated:
        return _name(typing.get_args(hint)[0])
    if origin is Literal:
        return " or ".join(map(repr, typing.get_args(hint)))
    if hint is type(None):
        return "None"
    if origin is tuple:
        return "list"
    return "dict" if origin is Mapping or attrs.has(hint) else cast(str, hint.__name__)
