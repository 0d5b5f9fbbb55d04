"""Writes the tables of docs/families.md from the tests.

.venv/bin/python tests/support/family_page.py
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from family_table import Family, families
from rooms import ROOT

PAGE = ROOT / "docs" / "families.md"


def table() -> str:
    """A row for each task of each family: the classic that it equals, the features, the number formats."""
    lines = ["| family | task | equals | features, each compared alone |", "| --- | --- | --- | --- |"]
    for family in families().values():
        for task, each in family.tasks.items():
            equal = "no pipeline of diffusers has it" if each.classic is None else f"`{each.classic.__name__}`"
            lines.append(f"| {family.name} | {task} | {equal} | {_features(family, task) if each.classic else ''} |")
    return "\n".join(lines)


def _features(family: Family, task: str) -> str:
    plain = " and ".join(family.tasks[task].formats or family.formats)
    named = [
        f"{name}{_beside(each.classic_class, task)}"
        for name, each in family.features.items()
        if not each.tasks or task in each.tasks
    ]
    return ", ".join([f"plain in {plain}", *named])


def _beside(classic: Any, task: str) -> str:
    """The classic pipeline of a feature, where it is not that of the task."""
    cls = classic.get(task) if isinstance(classic, Mapping) else classic
    return f" (`{cls.__name__}`)" if cls else ""


def written() -> str:
    """The page with its tables."""
    code = (ROOT / "families" / "ddpm.py").read_text()
    parts = {"table": table(), "ddpm": f"```\n{code}```"}
    page = PAGE.read_text()
    for name, text in parts.items():
        before, _, rest = page.partition(f"<!-- {name} -->\n")
        page = f"{before}<!-- {name} -->\n{text}\n<!-- end -->{rest.partition('<!-- end -->')[2]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(written())
