"""Every command line on docs/command_line.md runs as it says, from top to bottom."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from cli_runner import invoke
from rooms import ROOT

PAGE = ROOT / "docs" / "command_line.md"


def test_the_command_lines_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What bench keeps would be shown in other tests, too.
    monkeypatch.setattr("brickwork.app.cli.shared.profiles.home", lambda: tmp_path / "home")
    printed = ""
    checked = 0
    for kind, text in re.findall(r"^```(sh|console|python)\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL):
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
    assert checked == 5
    assert {"apple.png", "green.png", "again.png", "variant.png", "grid.png", "plan.svg"} <= {
        p.name for p in Path().iterdir()
    }
