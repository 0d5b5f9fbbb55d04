"""Writes the table of docs/diffusers_pipelines.md from the parts table.

.venv/bin/python tests/support/classic_page.py
"""

from __future__ import annotations

import family_classics
from classic_rows import FAMILIES, NOT_COMPARED
from rooms import ROOT

PAGE = ROOT / "docs" / "diffusers_pipelines.md"


def table() -> str:
    """A row for each group of classes."""
    lines = ["| classes | of |", "| --- | --- |"]
    for family in (*FAMILIES, family_classics):
        names = ", ".join(f"`{name.removesuffix('Pipeline')}`" for name in sorted(family.ROWS))
        lines.append(f"| {names} | {str(family.__doc__).partition(chr(10))[0].rstrip('.')} |")
    return "\n".join(lines)


def reasons() -> str:
    """A row for each class that is not compared, and why."""
    lines = ["| class | why it is not compared |", "| --- | --- |"]
    return "\n".join([*lines, *(f"| `{name}` | {why} |" for name, why in NOT_COMPARED.items())])


def written() -> str:
    """The page with its tables."""
    page = PAGE.read_text()
    for name, text in {"compared": table(), "reasons": reasons()}.items():
        before, _, rest = page.partition(f"<!-- {name} -->\n")
        page = f"{before}<!-- {name} -->\n{text}\n<!-- end -->{rest.partition('<!-- end -->')[2]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(written())
