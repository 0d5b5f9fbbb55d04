"""What a docstring in the style of diffusers says: of a class in its first lines, and of each argument of a function."""

from __future__ import annotations

import inspect
import re
from functools import cache

_SECTION = re.compile(r"^(\s*)(Args|Arguments|Parameters):\s*$", re.M)
_ENTRY = re.compile(r"^(\w+)(?:\s*\(.*\)\s*)?:?(.*)$")
_NAMED = re.compile(r"\[`?~?[\w.]*?(\w+)`?\]")


def first_words(cls: type) -> str:
    """Return the first paragraph of a class's docstring in one line."""
    text = inspect.cleandoc(vars(cls).get("__doc__") or "")
    return " ".join(text.partition("\n\n")[0].split())


@cache
def argument_words(text: str) -> dict[str, str]:
    """Return what a docstring says of each argument, in one line each."""
    text = inspect.cleandoc(text)
    section = _SECTION.search(text)
    if section is None:
        return {}
    found: dict[str, list[str]] = {}
    depth: int | None = None
    for line in text[section.end() :].splitlines():
        indent = len(line) - len(line.lstrip())
        if not line.strip():
            continue
        if indent <= len(section[1]):
            break
        depth = indent if depth is None else depth
        entry = _ENTRY.match(line.strip()) if indent == depth else None
        if entry is not None:
            found[entry[1]] = [entry[2]]
        elif found:
            found[next(reversed(found))].append(line)
    return {name: " ".join(" ".join(lines).split()) for name, lines in found.items()}


def returned_names(text: str) -> list[str]:
    """Return the classes that the section on what a function returns refers to."""
    _, _, returned = inspect.cleandoc(text).partition("Returns:")
    return _NAMED.findall(returned)
