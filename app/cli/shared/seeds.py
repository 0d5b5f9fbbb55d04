"""Seeds on a command line: one, several, or a range."""

from __future__ import annotations

import re
from typing import Any

import click

_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_MOST = 10_000


class SeedsType(click.ParamType):  # type: ignore[type-arg]  # older versions are not generic
    """Seeds as a list: `7`, `1..8` (both ends count), `3,5,9`, `1..3,7`."""

    name = "seeds"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002
        return "SEEDS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        if isinstance(value, list):
            return value
        found: list[int] = []
        for part in str(value).split(","):
            between = _RANGE.fullmatch(part.strip())
            first, last = map(int, between.groups()) if between else (0, -1)
            if between and first <= last < first + _MOST:
                found += range(first, last + 1)
            elif part.strip().isdecimal():
                found.append(int(part))
            else:
                self.fail(f"{value!r} is no seed; give 7, 1..8 or 3,5,9.", param, ctx)
        return found
