"""Every command line on docs/command_line.md runs as it says, from top to bottom, and so do those of docs/own_block.md."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest
from cli_runner import invoke
from rooms import ROOT

PAGE = ROOT / "docs" / "command_line.md"


def test_the_command_lines_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What bench keeps would be shown in other tests, too.
    monkeypatch.setattr("brickwork.app.cli.shared.profiles.home", lambda: tmp_path / "home")
    assert run_lines(PAGE.read_text()) == 5
    assert {"apple.png", "green.png", "again.png", "variant.png", "grid.png", "plan.svg"} <= {
        p.name for p in Path().iterdir()
    }


def test_the_command_lines_for_a_block_of_ones_own_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "invert", raising=False)
    page = (ROOT / "docs" / "own_block.md").read_text()
    run_lines(page.partition("## From the command line\n")[2].partition("\n## ")[0])
    assert Path("inverted.png").is_file()


def run_lines(page: str) -> int:
    """Run command lines and Python of a page, and return with how many texts what they printed was compared."""
    printed = ""
    checked = 0
    for kind, text in re.findall(r"^```(sh|console|python)\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        if kind == "python":
            exec(text, {})
        elif kind == "console":
            assert text in printed
            checked += 1
        else:
            printed = ""
            for line in text.splitlines():
                words = shlex.split(line, comments=True)
                code = re.search(r"# exit code (\d+)$", line)
                result = invoke(*words[1:])
                assert words[0] == "brickwork"
                assert result.exit_code == (int(code[1]) if code else 0), f"{line}\n{result.output}"
                printed += result.stdout
    return checked
