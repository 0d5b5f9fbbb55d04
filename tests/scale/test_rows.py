"""Rows of tables, lists and iterators, and what identifies one."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from brickwork.scale.rows import Row, read_table, rows_of
from brickwork.state import InputError

KNOWN: dict[str, Any] = {
    "prompt": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    "num_inference_steps": {"type": "integer"},
    "image": {"x-type": "image"},
}


def test_rows_of_a_list_have_no_names_of_their_own() -> None:
    given = [{"prompt": "a"}, {"prompt": "b", "seed": 7, "name": "b"}, {"prompt": "c", "num_inference_steps": None}]
    assert rows_of(given, KNOWN, 3) == [
        Row(1, "", 3, {"prompt": "a"}),
        Row(2, "b", 7, {"prompt": "b"}),
        Row(3, "", 5, {"prompt": "c"}),
    ]
    assert [row.name for row in rows_of(given, KNOWN, 0, numbered=True)] == ["0001", "b", "0003"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([{"promt": "a"}], "'promt' is no input. Did you mean 'prompt'?"),
        ([{"prompt": "a"}, 3], "row 2 has no inputs by name."),
        ([{"seed": -1}], "row 1, seed: -1 is no whole number from 0."),
        ([{"name": "../a"}], "row 1, name: '../a' is no name of a file."),
        ([{"name": "a"}, {"name": "A"}], "rows 1 and 2 have one name, 'A'."),
        ({"prompt": "a"}, "rows= is a dict; give a table (.csv, .jsonl, .parquet), or inputs by name of each row."),
        (7, "rows= is an int; give a table"),
        ("rows.txt", "rows.txt is no table of runs; it ends in .csv, .jsonl or .parquet."),
        ("none.csv", "none.csv cannot be read:"),
        ("none.jsonl", "none.jsonl cannot be read:"),
    ],
)
def test_rows_that_are_none_are_refused(given: object, said: str) -> None:
    with pytest.raises(InputError) as caught:
        rows_of(given, KNOWN, 0)
    assert said in str(caught.value)


def test_rows_without_end_are_looked_at_as_they_come() -> None:
    asked = []

    def without_end() -> Any:
        for number in range(10**9):
            asked.append(number)
            yield {"prompt": "a"} if number else {"promt": "a"}

    rows = iter(rows_of(without_end(), KNOWN, 5))
    assert next(rows) == Row(1, "", 5, {}, ("'promt' is no input. Did you mean 'prompt'?",))
    assert next(rows) == Row(2, "", 6, {"prompt": "a"})
    assert asked == [0, 1]
    assert next(iter(rows_of(iter([3]), KNOWN, 0))).faults == ("row 1 has no inputs by name.",)


def test_an_identity_is_of_what_runs_the_inputs_the_files_and_the_seed(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"one")
    row = Row(1, "", 0, {"prompt": "a", "image": str(file)})

    def identity(row: Row = row, whole: str = "x") -> str:
        return row.identity(whole, KNOWN)

    first = identity()
    assert identity(Row(9, "other", 0, {"image": str(file), "prompt": "a"})) == first
    others = [
        identity(Row(1, "", 1, row.inputs)),
        identity(whole="y"),
        identity(Row(1, "", 0, {**row.inputs, "prompt": "b"})),
    ]
    file.write_bytes(b"two")
    others += [identity(), identity(Row(1, "", 0, {**row.inputs, "image": [str(file)]}))]
    file.write_bytes(b"three")
    others += [identity(Row(1, "", 0, {**row.inputs, "image": [str(file)]}))]
    assert len({first, *others}) == 7
    assert row.identified("x", KNOWN).name == identity()[:20]
    assert Row(1, "mine", 0, {}).identified("x", KNOWN).name == "mine"


def test_a_table_of_parquet_needs_pyarrow(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    if importlib.util.find_spec("pyarrow") is None:
        with pytest.raises(InputError, match="is read by pyarrow, which is not here: pip install pyarrow"):
            read_table(path, KNOWN, 0)
        return
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist([{"prompt": "a", "seed": 3}, {"prompt": "b", "seed": None}]), path)
    assert read_table(path, KNOWN, 0) == [Row(1, "0001", 3, {"prompt": "a"}), Row(2, "0002", 1, {"prompt": "b"})]
    path.write_bytes(b"none")
    with pytest.raises(InputError, match="cannot be read"):
        read_table(path, KNOWN, 0)
