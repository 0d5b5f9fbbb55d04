"""Every example runs as its first line says, in an empty folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from prepared_python import PreparedPython

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_leaves_what_it_says(path: Path, tmp_path: Path, prepared_python: PreparedPython) -> None:
    home = {"BRICKWORK_HOME": str(tmp_path / "home")}
    done = prepared_python.run(str(path), cwd=tmp_path, env={**os.environ, **home})
    assert done.returncode == 0, done.stderr[-2000:]
    if path.stem == "publish":
        assert "the same image: True" in done.stdout
        assert (tmp_path / "warm-circles" / "warm.py").exists()
    else:
        assert (tmp_path / f"{path.stem}.png").stat().st_size > 1000
