"""Markdown of reference pages: tables, headings, links between pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, or nothing where there are no rows."""
    lines = [f"| {' | '.join(map(cell, row))} |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}", *lines])


def cell(text: str) -> str:
    """Return text that fits into one cell."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: object) -> str:
    """Return text as code, backticks in it or not."""
    written = str(text)
    return f"`` {written} ``" if "`" in written else f"`{written}`"


def section(title: str, body: str, level: int = 2) -> str:
    """Return a heading with its text; nothing for an empty text."""
    return f"{'#' * level} {title}\n\n{body}\n\n" if body.strip() else ""


def page(title: str, *parts: str, orphan: bool = True) -> str:
    """Return a page; one that stands in no menu says so, so that nobody looks for it there."""
    front = "---\norphan: true\n---\n\n" if orphan else ""
    return f"{front}# {title}\n\n" + "".join(part if part.endswith("\n\n") else f"{part}\n\n" for part in parts if part)
