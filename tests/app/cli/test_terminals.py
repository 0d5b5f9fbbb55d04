"""What commands print fits terminals of any width, and has no colours or moving lines where they would be seen as signs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cli_runner import invoke

from brickwork.app.cli.shared.output import shows_progress, table

LINES = {
    "explain embedded": 0,
    "explain embedded --memory 18MB": 0,
    "explain embedded --host-memory 18MB --offload-folder x": 0,
    "inputs embedded": 0,
    "components list embedded": 0,
    "components show embedded unet": 0,
    "presets list": 0,
    "guiders list": 0,
    "blocks list": 0,
    "blocks where latents": 0,
    "words": 0,
    "doctor": 0,
    "check embedded": 0,
    "check sdxl.auto": 0,
    "info APPLE": 0,
    "diff APPLE APPLE": 0,
    "run embedded --prompt x --dry-run": 0,
    "run embedded --prompt x --num-inference-steps 1 -o x.png": 0,
    "sweep embedded --prompt x --num-inference-steps 1 --axis seed=1,2 -o x.png": 0,
    "batch embedded rows.csv -o out": 0,
    "run embedded --promt x": 2,
    "explain embedded --memory lots": 2,
}
"""Commands, and the code with which each ends. Trees of blocks, docstrings and help have lines of their own, which terminals break."""


@pytest.mark.parametrize("columns", [40, 60])
@pytest.mark.parametrize("line", LINES)
def test_lines_fit_narrow_terminals(line: str, columns: int, apple: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("FORCE_COLOR", "1")  # which libraries heed, and there is nothing here to colour
    Path("rows.csv").write_text("prompt,num_inference_steps\na cat,1\n")
    words = [str(apple) if word == "APPLE" else word for word in line.split()]
    result = invoke(*words)
    assert result.exit_code == LINES[line], result.output
    assert "\x1b" not in result.output
    assert "\r" not in result.output
    wide = [each for each in result.stdout.splitlines() if len(each) > columns and len(each.split()) > _UNBROKEN]
    assert wide == []


_UNBROKEN = 2
"""Words in a line that may be longer: a name is not broken, nor what stands before it."""


@pytest.mark.parametrize(
    ("term", "is_terminal", "quiet", "shows"),
    [
        ("xterm", True, False, True),
        ("dumb", True, False, False),
        ("xterm", False, False, False),
        ("xterm", True, True, False),
    ],
)
def test_bars_are_for_terminals_that_can_draw_them(
    term: str, is_terminal: bool, quiet: bool, shows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal, raising=False)
    assert shows_progress(quiet) is shows


def test_a_table_without_room_is_a_list_on_a_narrow_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("a_name_that_is_long", "ok", "what is said of it in some words"), ("b", "", "little")]
    monkeypatch.setenv("COLUMNS", "40")
    assert table(rows) == "a_name_that_is_long\n  ok\n  what is said of it in some words\nb\n  little"
    assert table(rows, ("name", "state", "said")) == (
        "a_name_that_is_long\n  state: ok\n  said: what is said of it in some words\nb\n  said: little"
    )
    assert table([("one",), ("two",)]) == "one\ntwo"
    monkeypatch.setenv("COLUMNS", "80")
    assert table(rows).splitlines()[0] == "a_name_that_is_long  ok  what is said of it in some words"
    wide = [("x" * 70, "what is said of it in some words")]
    assert table(wide).splitlines()[0].startswith("x" * 70 + "  what is said")
