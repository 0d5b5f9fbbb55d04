"""The rows of a table of runs: of a file, a list, or what is made as it is asked for."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from ..pipeline.forms.input_values import converted, joined, names_a_file
from ..state import InputError
from ..state.errors import did_you_mean, with_article

NAME, SEED = "name", "seed"
_KINDS = (".csv", ".jsonl", ".parquet")
_LENGTH = 20
"""Letters of a row's identity: 80 bits, so that a million rows have no two alike."""


@frozen
class Row:
    """One run.

    Attributes:
        number: counts from 1. name: of its file, without the ending; empty where the row gives none.
        faults: what is wrong with a row that was made as it was asked for; it is not run.
    """

    number: int
    name: str
    seed: int
    inputs: Mapping[str, Any]
    faults: tuple[str, ...] = ()

    def identified(self, whole: str, known: Mapping[str, Any]) -> Row:
        """Return the row with its identity as name, where it has none: a digest of what runs, the inputs, files that they name, and the seed."""
        return self if self.name else evolve(self, name=self.identity(whole, known)[:_LENGTH])

    def identity(self, whole: str, known: Mapping[str, Any]) -> str:
        """Return the digest of what runs (`whole`), of the inputs, of the files that they name, and of the seed."""
        files = {name: _digests(value) for name, value in self.inputs.items() if names_a_file(known.get(name, {}))}
        parts = [whole, dict(sorted(self.inputs.items())), self.seed, files]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _digests(value: object) -> Any:
    if isinstance(value, list):
        return [_digests(each) for each in value]
    path = Path(value.partition("#")[0]) if isinstance(value, str) else None
    return hashlib.sha256(path.read_bytes()).hexdigest() if path is not None and path.is_file() else None


def rows_of(given: object, known: Mapping[str, Any], seed: int, numbered: bool = False) -> Iterable[Row]:
    """Return the rows of a file, of a list of mappings, or of anything that yields such; the last are looked at as they come.

    Args:
        known: schemas of the inputs by name. seed: of the first row, where the row has none. numbered: rows without a name are named by
            their numbers.

    Raises:
        InputError: it cannot be read, or columns or values are none of the workflow; every fault is named.
    """
    if isinstance(given, str | Path):
        return read_table(Path(given), known, seed, numbered)
    if isinstance(given, Sequence):
        return _checked(list(given), known, seed, numbered, "rows", [])
    if isinstance(given, Iterable) and not isinstance(given, Mapping):
        return _as_they_come(given, known, seed)
    raise InputError(
        f"rows= is {with_article(type(given).__name__)}; give a table (.csv, .jsonl, .parquet), or inputs by name of each row."
    )


def read_table(path: Path, known: Mapping[str, Any], seed: int, numbered: bool = True) -> list[Row]:
    """Read the rows of a .csv, .jsonl or .parquet file.

    Args:
        known, seed, numbered: as in `rows_of`.

    Raises:
        InputError: it cannot be read, or columns or values are none of the workflow; every fault is named.
    """
    kind = path.suffix.lower()
    if kind not in _KINDS:
        raise InputError(f"{path} is no table of runs; it ends in {', '.join(_KINDS[:-1])} or {_KINDS[-1]}.")
    faults: list[str] = []
    try:
        entries: list[Any] = (
            list(_csv(path)) if kind == ".csv" else _parquet(path) if kind == ".parquet" else list(_jsonl(path, faults))
        )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    return _checked(entries, known, seed, numbered, str(path), faults, is_text=kind == ".csv")


def _checked(
    entries: Sequence[Any],
    known: Mapping[str, Any],
    seed: int,
    numbered: bool,
    where: str,
    faults: list[str],
    is_text: bool = False,
) -> list[Row]:
    faults += [f"row {number} has no inputs by name." for number, each in enumerate(entries, 1) if not isinstance(each, Mapping)]  # fmt: skip
    named = [each if isinstance(each, Mapping) else {} for each in entries]
    faults += _unknown({str(name) for entry in named for name in entry}, known)
    digits = max(4, len(str(len(entries)))) if numbered else 0
    rows = [_row(number, entry, known, seed, digits, faults, is_text) for number, entry in enumerate(named, 1)]
    faults += _twice(rows)
    if faults:
        raise InputError.of(f"{where} does not fit" if where != "rows" else "The rows do not fit", faults)
    return rows


def _as_they_come(given: Iterable[Any], known: Mapping[str, Any], seed: int) -> Iterator[Row]:
    for number, entry in enumerate(given, 1):
        faults: list[str] = []
        if isinstance(entry, Mapping):
            faults += _unknown(set(map(str, entry)), known)
            row = _row(number, entry, known, seed, 0, faults, False)
        else:
            faults += [f"row {number} has no inputs by name."]
            row = Row(number, "", seed + number - 1, {})
        yield evolve(row, faults=tuple(faults))


def _unknown(names: set[str], known: Mapping[str, Any]) -> list[str]:
    return [
        f"{name!r} is no input. {did_you_mean(name, [*known, NAME, SEED])}"
        for name in sorted(names - known.keys() - {NAME, SEED})
    ]


def _row(
    number: int,
    entry: Mapping[str, Any],
    known: Mapping[str, Any],
    seed: int,
    digits: int,
    faults: list[str],
    is_text: bool,
) -> Row:
    values = {}
    for name, value in entry.items():
        # An empty cell is a value that the row does not give.
        if name in known and name not in (NAME, SEED) and value not in ("", None):
            values[name] = _value(value, known[name], f"row {number}, {name}", faults) if is_text else value
    own = _seed(entry.get(SEED), seed + number - 1, number, faults)
    return Row(number, _name(entry.get(NAME), f"{number:0{digits}}" if digits else "", number, faults), own, values)


def _csv(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        for entry in csv.DictReader(file):
            yield {str(name).strip().replace("-", "_"): value for name, value in entry.items() if name is not None}


def _jsonl(path: Path, faults: list[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except ValueError as error:
            faults.append(f"line {number} is no JSON: {error}.")
            continue
        if isinstance(found, dict):
            yield found
        else:
            faults.append(f"line {number} has no inputs by name.")


def _parquet(path: Path) -> list[Any]:
    try:
        from pyarrow import parquet
    except ImportError:
        raise InputError(f"{path} is read by pyarrow, which is not here: pip install pyarrow") from None
    try:
        found: list[Any] = parquet.read_table(path).to_pylist()
    except Exception as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    return found


def _value(text: str, schema: Mapping[str, Any], where: str, faults: list[str]) -> Any:
    try:
        return joined([converted(text, schema)], schema)
    except ValueError as error:
        faults.append(f"{where}: {error}")
        return None


def _seed(given: Any, other: int, number: int, faults: list[str]) -> int:
    if given in ("", None):
        return other
    text = str(given).strip()
    if not text.isdecimal() or isinstance(given, bool):
        faults.append(f"row {number}, seed: {given!r} is no whole number from 0.")
        return other
    return int(text)


def _name(given: Any, other: str, number: int, faults: list[str]) -> str:
    if given in ("", None):
        return other
    name = str(given).removesuffix(".png")
    if not name or "/" in name or "\\" in name or name.startswith(".") or "{}" in name or not name.isprintable():
        faults.append(f"row {number}, name: {given!r} is no name of a file.")
    return name


def _twice(rows: Sequence[Row]) -> Iterator[str]:
    first: dict[str, int] = {}
    for row in rows:
        if not row.name:
            continue
        # Not every system tells letters by their case.
        known = first.setdefault(row.name.lower(), row.number)
        if known != row.number:
            yield f"rows {known} and {row.number} have one name, {row.name!r}."
