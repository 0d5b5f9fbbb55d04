"""The rows of a table of runs."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from ....state import InputError
from ....state.errors import did_you_mean
from .input_values import converted, joined

NAME, SEED = "name", "seed"
_KINDS = (".csv", ".jsonl")


@frozen
class Row:
    """One run. `number` counts from 1; `name` is that of its file, without the ending."""

    number: int
    name: str
    seed: int
    inputs: Mapping[str, Any]


def read_table(path: Path, known: Mapping[str, Any], seed: int) -> list[Row]:
    """Read the rows of a .csv or .jsonl file.

    Args:
        known: schemas of the inputs by name. seed: of the first row, where the row has none.

    Raises:
        InputError: it cannot be read, or columns or values are none of the workflow; every fault is named.
    """
    if path.suffix.lower() not in _KINDS:
        raise InputError(f"{path} is no table of runs; it ends in {' or '.join(_KINDS)}.")
    is_csv = path.suffix.lower() == ".csv"
    faults: list[str] = []
    rows = []
    entries = list(_csv(path) if is_csv else _jsonl(path, faults))
    names = {name for entry in entries for name in entry} - {NAME, SEED}
    faults += [
        f"{name!r} is no input. {did_you_mean(name, [*known, NAME, SEED])}" for name in sorted(names - known.keys())
    ]
    digits = max(4, len(str(len(entries))))
    for number, entry in enumerate(entries, 1):
        values = {}
        for name, value in entry.items():
            # An empty cell is a value that the row does not give.
            if name in known and name not in (NAME, SEED) and value not in ("", None):
                values[name] = _value(value, known[name], f"row {number}, {name}", faults) if is_csv else value
        own = _seed(entry.get(SEED), seed + number - 1, number, faults)
        rows.append(Row(number, _name(entry.get(NAME), f"{number:0{digits}}", number, faults), own, values))
    faults += _twice(rows)
    if faults:
        raise InputError.of(f"{path} does not fit", faults)
    return rows


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
        # Not every system tells letters by their case.
        known = first.setdefault(row.name.lower(), row.number)
        if known != row.number:
            yield f"rows {known} and {row.number} have one name, {row.name!r}."
