"""The words that the embedded model was trained on, and those of a prompt that it never saw."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import cast

from ...state.errors import nearest

_SHOWN = 80
_MOST = 8
"""Unknown words of a prompt that are named."""
FILE = Path(__file__).parent / "model" / "words.json"


@cache
def known_words() -> dict[str, list[str]]:
    """What captions were made of: "things", "shapes", "colours", "styles" and "other" words."""
    return cast("dict[str, list[str]]", json.loads(FILE.read_text(encoding="utf-8")))


@cache
def _single_words() -> frozenset[str]:
    return frozenset(word for phrases in known_words().values() for phrase in phrases for word in _words(phrase))


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+(?:-[a-z]+)*", text.lower())


def words_remarks(prompt: str, taught: Iterable[str] = ()) -> list[str]:
    """Say which words of a prompt the model was never shown: a remark, or none.

    Args:
        taught: what the model has learned since then, such as words of textual inversions.
    """
    text = prompt
    for word in taught:
        text = text.replace(word, " ")
    shown = repr(prompt if len(prompt) <= _SHOWN else f"{prompt[: _SHOWN - 3]}...")
    unknown = unknown_words(text)
    if not unknown:
        return []
    ((word, near), *others) = unknown.items()
    if not others:
        return [f"{shown}: the embedded model does not know {word!r}.{f' Did you mean {near!r}?' if near else ''}"]
    # In one, since prompts that are brought from elsewhere have dozens.
    said = [f"{word!r}{f' (did you mean {near!r}?)' if near else ''}" for word, near in unknown.items()]
    more = [f"{len(said) - _MOST} more"] if len(said) > _MOST else []
    *most, last = [*said[:_MOST], *more]
    return [f"{shown}: the embedded model does not know {', '.join(most)} and {last}."]


def unknown_words(prompt: str) -> dict[str, str | None]:
    """Words of a prompt that no caption held, each with the nearest that one did.

    Example:
        >>> unknown_words("a pinguin on a blue background")
        {'pinguin': 'penguin'}
    """
    known = _single_words()
    return {word: nearest(word, known) for word in _words(prompt) if word not in known}
