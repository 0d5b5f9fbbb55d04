"""What goes where: results to stdout as text, tables or lines of JSON; progress and remarks to stderr."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence

import click

from ....state.errors import spelled_out

_WIDEST = 140
_USUAL = 80
"""Columns where there is no terminal; in a file a table stays one."""
_NARROWEST = 24
"""Columns of text in which sentences can be read."""


def print_event(event: Mapping[str, object]) -> None:
    """Write one line of JSON at once, so that a reader at the other end of a pipe sees it."""
    sys.stdout.write(json_text(event) + "\n")
    sys.stdout.flush()


def print_json(data: object) -> None:
    """Write the result of a command as JSON."""
    click.echo(json_text(data, indent=2))


def json_text(data: object, indent: int | None = None) -> str:
    """Return data as JSON, readable where it moves no cursor and turns no writing."""
    text = json.dumps(data, ensure_ascii=False, indent=indent, default=str)
    return text if spelled_out(text) == text else json.dumps(data, indent=indent, default=str)


def remark(text: str) -> None:
    """Write to stderr, where it is no part of the result."""
    # Names in it come from files of others.
    click.echo(spelled_out(text), err=True)


def width() -> int:
    """Return the columns of the terminal; 80 where there is none."""
    return min(_WIDEST, shutil.get_terminal_size((_USUAL, 24)).columns)


def shows_progress(quiet: bool) -> bool:
    """Return whether bars are drawn: to a person, and not into a file."""
    return sys.stderr.isatty() and not quiet and os.environ.get("TERM") != "dumb"


def table(rows: Iterable[Sequence[str]], heads: Sequence[str] = ()) -> str:
    """Return aligned columns; the last one is wrapped to the terminal. Where it would have no room, a list: the first cell of a row, and the
    others below it.

    Args:
        rows: cells, as many in each. heads: of the columns.
    """
    # Names and prompts come from files of others.
    cells = [[spelled_out(cell) for cell in row] for row in ([heads, *rows] if heads else rows)]
    if not cells:
        return ""
    widths = [max(len(row[at]) for row in cells) for at in range(len(cells[0]) - 1)]
    before = sum(widths) + 2 * len(widths)
    room = width() - before
    if room < _NARROWEST and widths and width() < _USUAL:
        return "\n".join(_as_list(row, cells[0] if heads else ()) for row in cells[bool(heads) :])
    room = max(_NARROWEST, room)
    lines = []
    for row in cells:
        head = "".join(cell.ljust(size) + "  " for cell, size in zip(row, widths, strict=False))
        wrapped = textwrap.wrap(row[-1], room, break_on_hyphens=False) or [""]
        lines += [(head + wrapped[0]).rstrip(), *(" " * before + more for more in wrapped[1:])]
    return "\n".join(lines)


def filled(text: str) -> str:
    """Return a sentence in the width of the terminal; lines after the first are indented."""
    return textwrap.fill(text, width(), subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _as_list(row: Sequence[str], heads: Sequence[str]) -> str:
    """Return a row as lines: names whole, since those are what a reader types."""
    said = [f"{head}: {cell}" for head, cell in zip(heads, row, strict=True)][1:] if heads else list(row[1:])
    filled = [
        textwrap.fill(
            text, width(), initial_indent="  ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
        )
        for text, cell in zip(said, row[1:], strict=True)
        if cell
    ]
    return "\n".join([row[0], *filled])
