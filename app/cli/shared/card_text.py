"""A model card as a terminal shows it: what the Hub reads of it, and its text with headings, tables and code."""

from __future__ import annotations

import io
import re

from ....state.errors import spelled_out
from .output import width

_HEAD = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->\n*", re.DOTALL)
_IMAGE = re.compile(r"!\[([^\]\n]*)\]\(([^)\n]*)\)")


def card_text(card: str) -> str:
    """Return a card for people, in the width of the terminal."""
    from rich.console import Console
    from rich.markdown import Markdown

    card = spelled_out(card)
    head = _HEAD.match(card)
    # A terminal shows no image, and rich makes an emoji of it.
    body = _IMAGE.sub(r"(image: \2)", _COMMENT.sub("", card[head.end() :] if head else card))
    page = io.StringIO()
    console = Console(file=page, width=width(), color_system=None, force_terminal=False, emoji=False, markup=False)
    console.print(Markdown(body, hyperlinks=False))
    lines = [line.rstrip() for line in page.getvalue().strip("\n").splitlines()]
    facts = [f"{line}" for line in head[1].splitlines()] if head else []
    return "\n".join([*facts, *([""] if facts else []), *lines])
