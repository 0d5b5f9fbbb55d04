"""A model card as a terminal shows it: what the Hub reads of it, and its text with headings, tables and code."""

from __future__ import annotations

import io
import re
from typing import Any, ClassVar

from ....state.errors import spelled_out
from .output import width

_HEAD = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->\n*", re.DOTALL)
_LONGEST = 100_000
"""Characters of a card that are shown."""
_GAPS = re.compile(r"\n{3,}")
_IMAGE = re.compile(r"!\[([^\]\n]*)\]\(([^)\n]*)\)")


def card_text(card: str) -> str:
    """Return a card for people, in the width of the terminal."""
    from rich.console import Console

    whole = spelled_out(card)
    card = whole[:_LONGEST]
    head = _HEAD.match(card)
    # A terminal shows no image, and rich makes an emoji of it.
    body = _IMAGE.sub(r"(image: \2)", _COMMENT.sub("", card[head.end() :] if head else card))
    page = io.StringIO()
    console = Console(file=page, width=width(), color_system=None, force_terminal=False, emoji=False, markup=False)
    console.print(_shown(body))
    lines = "\n".join(line.rstrip() for line in page.getvalue().strip("\n").splitlines())
    text = _GAPS.sub("\n\n", lines)
    text += f"\n\n({len(whole) - _LONGEST:,} more characters)" if len(whole) > _LONGEST else ""
    return f"{head[1]}\n\n{text}" if head else text


def _shown(body: str) -> Any:
    """Return Markdown whose tables keep names whole: those are what a reader types."""
    from rich.markdown import Markdown, TableElement

    class WholeNames(TableElement):
        def __rich_console__(self, console: Any, options: Any) -> Any:
            for table in super().__rich_console__(console, options):
                for at, column in enumerate(getattr(table, "columns", ())):
                    column.no_wrap, column.overflow = at == 0, "fold"
                yield table

    class Card(Markdown):
        elements: ClassVar = {**Markdown.elements, "table_open": WholeNames}

    return Card(body, hyperlinks=False)
