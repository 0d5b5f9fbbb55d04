"""Pieces of HTML that notebooks show. What is shown comes from users and files, so all that is not made here is escaped."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

THUMBNAIL = 96
"""Longest side of an image in a table, in pixels."""
MOST_IMAGES = 8
"""Images of one value that are shown; of further ones their number is said."""
_CELL = "text-align:left;vertical-align:top;white-space:pre-line"


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def escaped(value: object) -> Html:
    """Return a value as text that shows what it says; HTML made here stays."""
    return value if isinstance(value, Html) else Html(html.escape(str(value)))


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Html:
    """Return a table; nothing where there are no rows."""
    body = "".join(f"<tr>{''.join(f'<td style={_CELL!r}>{escaped(cell)}</td>' for cell in row)}</tr>" for row in rows)
    if not body:
        return Html("")
    titles = "".join(f"<th style='text-align:left'>{escaped(cell)}</th>" for cell in head)
    return Html(f"<table><tr>{titles}</tr>{body}</table>" if titles else f"<table>{body}</table>")


def listed(items: Iterable[object]) -> Html:
    """Return a list; nothing where there are no items."""
    found = "".join(f"<li>{escaped(item)}</li>" for item in items)
    return Html(f"<ul>{found}</ul>" if found else "")


def titled(title: object, *parts: Html) -> Html:
    """Return parts below a title."""
    return Html(f"<p><b>{escaped(title)}</b></p>{''.join(parts)}")


def folded(title: object, body: Html, unfolded: bool = False) -> Html:
    """Return a part that a click shows; nothing for an empty one."""
    start = "<details open>" if unfolded else "<details>"
    return Html(f"{start}<summary>{escaped(title)}</summary>{body}</details>" if body else "")


def preformatted(text: object) -> Html:
    """Return text as it stands."""
    return Html(f"<pre>{escaped(text)}</pre>")


def fields(values: Mapping[str, object]) -> Html:
    """Return names and values as a table without a head."""
    return table((), values.items())


def thumbnails(images: Sequence[Any], size: int = THUMBNAIL) -> Html:
    """Return PIL images, small ones as they are and larger ones reduced."""
    shown = [_picture(image, size) for image in images[:MOST_IMAGES]]
    more = len(images) - len(shown)
    return Html("".join(shown) + (f" and {more} more" if more else ""))


def _picture(image: Any, size: int) -> str:
    small = image.convert("RGBA" if "A" in image.getbands() else "RGB")
    if max(small.size) > size:
        small.thumbnail((size, size))
    buffer = io.BytesIO()
    small.save(buffer, format="PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    return f"<img style='display:inline-block;margin:2px' title='{image.width}x{image.height}' src='data:image/png;base64,{data}'>"


def is_images(value: object) -> bool:
    """Return whether a value is a list of PIL images, without importing their module."""
    return isinstance(value, list) and bool(value) and all(hasattr(each, "getbands") for each in value)


class Text(str):
    """Text that a prompt and a notebook show as text, and not with its line ends spelled out."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)
