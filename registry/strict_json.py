"""JSON from files that somebody else may have written: limited in size and depth, and with no key twice."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..state import RepoError

LARGEST = 20_000_000
"""Bytes. The longest files that pipelines bring are tokenizers' word lists, which are not read by this."""
DEEPEST = 50


def read_json(path: Path, limit: int = LARGEST) -> dict[str, Any]:
    """Read a file that holds one object.

    Raises:
        RepoError: it cannot be read, or is not what it should be.
    """
    try:
        size = path.stat().st_size
        if size > limit:
            raise RepoError(f"{path} has {size:,} bytes; at most {limit:,} are read.")
        data = path.read_bytes()
    except OSError as error:
        raise RepoError(f"{path} cannot be read: {error}") from error
    return parse_json(data, str(path))


def parse_json(data: bytes, where: str, error: Callable[[str], Exception] = RepoError) -> dict[str, Any]:
    """Parse one object; `where` names it in errors.

    Raises:
        RepoError: (or what `error` makes) it is no JSON in UTF-8, no object, nested too deeply, or has a key twice.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as broken:
        raise error(f"{where} is no text in UTF-8: {broken}.") from None
    if _depth(text) > DEEPEST:
        raise error(f"{where} is nested deeper than {DEEPEST} levels.")
    try:
        found = json.loads(text, object_pairs_hook=_without_twins)
    except ValueError as broken:
        raise error(f"{where} cannot be read: {broken}.") from None
    if not isinstance(found, dict):
        raise error(f"{where} holds no JSON object.")
    return found


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twins = sorted({name for name in names if names.count(name) > 1}) if len(names) < 1000 else ["a key"]
        raise ValueError(f"{', '.join(map(repr, twins))} stands there twice")
    return found


_TEXT, _BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"'), re.compile(r"[\[\]{}]")


def _depth(text: str) -> int:
    """How deep brackets are nested outside of strings; Python's parser would fail on its own stack."""
    depth = deepest = 0
    for bracket in _BRACKET.findall(_TEXT.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest
