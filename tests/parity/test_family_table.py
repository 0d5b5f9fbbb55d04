"""Every family equals diffusers' classic pipelines bit for bit: what the denoiser is told at each step, what is decoded, the images."""

from __future__ import annotations

import pytest
from family_table import families

FAMILIES = families()


# What every task is asked plainly is compared in each run, and of the features on top every other.
ROWS = [
    pytest.param(*row, marks=() if row[2] == "plain" else (pytest.mark.rotating(2),))
    for each in FAMILIES.values()
    for row in each.rows()
]


@pytest.mark.parametrize(("family", "task", "feature", "dtype"), ROWS)
def test_the_preset_equals_the_classic(family: str, task: str, feature: str, dtype: str) -> None:
    assert FAMILIES[family].run(task, feature, dtype) == []


@pytest.mark.parametrize(
    ("family", "task"),
    [(name, task) for name, each in FAMILIES.items() for task, one in each.tasks.items() if one.mend],
)
def test_the_classic_is_wrong_where_a_row_mends_it(family: str, task: str) -> None:
    assert FAMILIES[family].run(task, "plain", "float32", mended=False) != []
