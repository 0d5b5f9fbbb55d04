"""What docstrings say of single settings and options, for forms."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable

_FIELD = re.compile(r"(?:(?<=^)|(?<=[.;:] ))(`?\w+`?(?:, `?\w+`?)*): ")
_PARAGRAPHS = re.compile(r"\n\s*\n")


def meanings(classes: Iterable[type], names: Iterable[str]) -> dict[str, str]:
    """Return what the docstrings of some classes say of names: `name: meaning`, of which several may stand in one line. What an earlier
    class says counts.
    """
    found: dict[str, str] = {}
    known = set(names)
    for cls in classes:
        for paragraph in _PARAGRAPHS.split(inspect.cleandoc(vars(cls).get("__doc__") or "")):
            text = " ".join(paragraph.split())
            fields = list(_FIELD.finditer(text))
            ends = [each.start() for each in fields[1:]] + [len(text)]
            # Without any, the end of the text is one too many.
            for field, end in zip(fields, ends, strict=False):
                meaning = text[field.end() : end].strip(" ;")
                for name in field[1].replace("`", "").split(", "):
                    if name in known and meaning:
                        found.setdefault(name, f"{meaning[0].upper()}{meaning[1:]}")
    return found


def first_line(cls: type) -> str:
    """Return the first sentence of a class's docstring, without its full stop."""
    return (cls.__doc__ or "").strip().partition("\n")[0].rstrip(".")
