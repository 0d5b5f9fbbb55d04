"""JSON from files that somebody else may have written: limited in size, depth and digits, with no key twice; and written so."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from .errors import BrickworkError, RepoError
from .limits import DEEPEST, LARGEST_JSON, LONGEST_NUMBER, MOST_ITEMS
from .reading import read_bytes


def read_json(path: Path, limit: int = LARGEST_JSON) -> dict[str, Any]:
    """Read a file that holds one object.

    Raises:
        RepoError: it cannot be read, or is not what it should be.
    """
    return parse_json(read_bytes(path, limit), str(path), largest=limit)


def parse_json(
    data: bytes,
    where: str,
    error: type[BrickworkError] = RepoError,
    largest: int = LARGEST_JSON,
    most_items: int = MOST_ITEMS,
    deepest: int = DEEPEST,
) -> dict[str, Any]:
    """Parse one object; `where` names it in errors. A byte order mark at its beginning is skipped, as in YAML.

    Raises:
        RepoError: (or what `error` is) it is no JSON in UTF-8, no object, too large, nested too deeply, or has a key twice.
    """
    # Before anything is decoded, because text takes up to four times the memory of its bytes.
    if len(data) > largest:
        raise error(f"{where} has {len(data):,} bytes; at most {largest:,} are read.")
    try:
        text = data.decode("utf-8-sig")
        _check_size(text, most_items, deepest)
        found = json.loads(text, object_pairs_hook=_without_twins, parse_int=_whole, parse_float=_fraction)
        # Halves of surrogate pairs can only come from an escape, and walking all values costs more than looking for
        # one.
        if _MAYBE_HALF.search(text):
            _check_text(found)
    except UnicodeDecodeError as broken:
        raise error(f"{where} is no text in UTF-8: {broken}.") from None
    except ValueError as broken:
        raise error(f"{where} cannot be read: {broken}.") from None
    if not isinstance(found, dict):
        raise error(f"{where} holds no JSON object.")
    return found


def written_json(
    data: object, where: str, largest: int = LARGEST_JSON, indent: int | None = None, deepest: int = DEEPEST
) -> str:
    """Write one object so that `parse_json` reads it again.

    Raises:
        RepoError: it would be refused when it is read: too large, too deep, a text that is none; or is no data for JSON.
    """
    try:
        text = json.dumps(data, ensure_ascii=False, indent=indent)
        # The reader's own rules decide, so that nothing is written that would not be read.
        parse_json(text.encode("utf-8"), where, largest=largest, deepest=deepest)
    except (TypeError, ValueError, RecursionError) as error:
        raise RepoError(f"{where} cannot be written: {error}.") from error
    except RepoError as error:
        raise RepoError(f"{error} So it is not written.") from None
    return text


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Python keeps the last of two equal keys, other readers the first: what one program checked another would not
    # see.
    found = dict(pairs)
    if len(found) < len(pairs):
        twins = sorted(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        words = ", ".join(f"{name[:60]!r}" for name in twins[:5])
        raise ValueError(f"{words} stands there twice")
    return found


def _whole(digits: str) -> int:
    _check_digits(digits)
    return int(digits)


def _fraction(digits: str) -> float:
    _check_digits(digits)
    return float(digits)


def _check_digits(digits: str) -> None:
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(f"a number has {len(digits):,} digits; at most {LONGEST_NUMBER} are read")


# Possessive, so that a text that does not end is passed over once.
_TEXT = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NO_BRACKETS = re.compile(r"[^\[\]{}]++")


def _check_size(text: str, most_items: int, deepest: int) -> None:
    """Refuse what would take Python's parser too much of its stack, or of memory."""
    # Brackets and commas within texts are no structure.
    bare = _TEXT.sub("", text)
    items = bare.count(",") + bare.count("[") + bare.count("{")
    if items > most_items:
        raise ValueError(f"it has {items:,} values; at most {most_items:,} are read")
    depth = 0
    for bracket in _NO_BRACKETS.sub("", bare):
        if bracket in "[{":
            depth += 1
            if depth > deepest:
                raise ValueError(f"it is nested deeper than {deepest} levels")
        else:
            depth -= 1


_MAYBE_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""How a half of a surrogate pair can be written; whole pairs are so, too."""


def _check_text(data: object) -> None:
    """Refuse text that no file or name can hold."""
    pending = [data]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            pending += each
            pending += each.values()
        elif isinstance(each, list):
            pending += each
        elif isinstance(each, str):
            each.encode("utf-8")
