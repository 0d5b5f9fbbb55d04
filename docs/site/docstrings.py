"""Docstrings as Markdown: their sections are headings, the fields of `Attributes`, `Args` and `Raises` definitions."""

from __future__ import annotations

import inspect
import re

_SECTION = re.compile(r"^(Attributes|Args|Raises|Returns|Example|Examples|Yields|Note|Class attributes):\s*$")
_FIELD = re.compile(r"(?:(?<=^)|(?<=[.;] ))([\w*]+(?:, [\w*]+)*): ")


def markdown_of(thing: object) -> str:
    """Return the docstring of a thing as Markdown; without one, nothing."""
    found = inspect.getdoc(thing)
    if not found:
        return ""
    parts: list[tuple[str, list[str]]] = [("", [])]
    for line in found.splitlines():
        match = _SECTION.match(line)
        if match:
            parts.append((match.group(1), []))
        else:
            parts[-1][1].append(line)
    return "\n\n".join(filter(None, (_part(title, inspect.cleandoc("\n".join(lines))) for title, lines in parts)))


def _part(title: str, text: str) -> str:
    if not text.strip():
        return ""
    if not title:
        return _examples_as_code(text)
    if title.startswith("Example"):
        return f"**{title}**\n\n```python\n{text}\n```"
    return f"**{title}**\n\n{_fields(text)}"


def _fields(text: str) -> str:
    """Return `name: meaning` as a list; several may stand in one line, as the package's docstrings write them."""
    items = []
    for line in text.splitlines():
        if line[:1].isspace() and items:
            items[-1] += f" {line.strip()}"
        elif line.strip():
            items.append(line.strip())
    lines = []
    for item in items:
        names = list(_FIELD.finditer(item))
        if not names or names[0].start() != 0:
            lines.append(f"- {item}")
            continue
        for match, after in zip(names, [*names[1:], None], strict=True):
            meaning = item[match.end() : after.start() if after else None].strip(" ;")
            lines.append(f"- {', '.join(f'`{name}`' for name in match.group(1).split(', '))}: {meaning}")
    return "\n".join(lines)


def _examples_as_code(text: str) -> str:
    """Return text whose lines of a Python prompt stand in blocks of code."""
    found: list[str] = []
    inside = False
    for line in text.splitlines():
        starts = line.lstrip().startswith((">>>", "..."))
        if starts and not inside:
            found.append("```pycon")
            inside = True
        elif inside and not line.strip():
            found.append("```")
            inside = False
        found.append(line.strip() if inside and starts else line)
    return "\n".join([*found, "```"] if inside else found)
