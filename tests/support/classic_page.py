"""Writes the table of docs/diffusers_pipelines.md from the parts table.

.venv/bin/python tests/support/classic_page.py
"""

from __future__ import annotations

import family_classics
from adoption_classes import classes
from classic_rows import FAMILIES
from classic_rows.not_compared import REASONS
from rooms import ROOT

PAGE = ROOT / "docs" / "diffusers_pipelines.md"


def table() -> str:
    """A row for each group of classes that are compared."""
    lines = [f"{len(family_classics.ALL_ROWS)} of {len(classes())} classes:", "", "| classes | of |", "| --- | --- |"]
    for family in (*FAMILIES, family_classics):
        names = ", ".join(f"`{name.removesuffix('Pipeline')}`" for name in sorted(family.ROWS))
        lines.append(f"| {names} | {str(family.__doc__).partition(chr(10))[0].rstrip('.')} |")
    return "\n".join(lines)


def reasons() -> str:
    """A row for each reason why classes are not compared."""
    lines = ["| classes | | why they are not compared |", "| --- | --- | --- |"]
    for why, names in sorted(REASONS.items(), key=lambda each: -len(each[1])):
        listed = ", ".join(f"`{name.removesuffix('Pipeline')}`" for name in sorted(names))
        lines.append(f"| {listed} | {len(names)} | {why} |")
    return "\n".join(lines)


def written() -> str:
    """The page with its tables."""
    page = PAGE.read_text()
    for name, text in {"compared": table(), "reasons": reasons()}.items():
        before, _, rest = page.partition(f"<!-- {name} -->\n")
        page = f"{before}<!-- {name} -->\n{text}\n<!-- end -->{rest.partition('<!-- end -->')[2]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(written())
