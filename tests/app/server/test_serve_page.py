"""The lines of Python on docs/serve.md that ask a server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from rooms import ROOT
from served import Served

SNIPPETS = re.findall(r"^```py\n(.*?)^```", (ROOT / "docs" / "serve.md").read_text(), re.MULTILINE | re.DOTALL)
ASKING = [code for code in SNIPPETS if "7801" in code]


@pytest.mark.parametrize("code", ASKING, ids=["openai", "a1111"])
def test_a_snippet_of_the_page_runs(
    code: str, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(code.replace("7801", str(served.port)), names)
    assert len(list(tmp_path.glob("apple*.png"))) == 1
    assert capsys.readouterr().out in ("", "{}\n")
    closed: Any = names["client"] if "client" in names else names["web"].session
    closed.close()
