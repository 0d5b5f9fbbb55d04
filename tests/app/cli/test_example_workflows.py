"""Every file of examples/workflows is checked; with --long every one draws, and three of them always do."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from cli_runner import invoke
from jsonschema import Draft202012Validator
from PIL import Image, ImageDraw
from rooms import ROOT

from brickwork.registry.hub.strict_yaml import read_yaml

FILES = sorted((ROOT / "examples" / "workflows").glob("*.yaml"))
ALWAYS = ("lora", "outputs", "controlnet")


@pytest.fixture
def pictures(apple: Path) -> None:
    """What the command lines in the files name."""
    Path("image.png").write_bytes(apple.read_bytes())
    mask = Image.new("RGB", (64, 64))
    ImageDraw.Draw(mask).ellipse([26, 26, 60, 60], fill="white")
    mask.save("mask.png")


def test_there_are_ten() -> None:
    assert len(FILES) >= 10


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_has_no_fault(path: Path) -> None:
    result = invoke("check", path)
    assert (result.exit_code, result.stdout.startswith("0 faults, 0 warnings in ")) == (0, True), result.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_inputs_of_a_file_are_as_its_schema_says(path: Path) -> None:
    schema = json.loads(invoke("inputs", path, "--schema").stdout)
    Draft202012Validator.check_schema(schema)
    for name, value in read_yaml(path).data.get("inputs", {}).items():
        Draft202012Validator(schema["properties"][name]).validate(value)
        assert schema["properties"][name]["default"] == value
        assert name not in schema["required"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_runs_as_its_first_line_says(path: Path, pictures: None, request: pytest.FixtureRequest) -> None:
    if path.stem not in ALWAYS and not request.config.getoption("--long"):
        pytest.skip("takes seconds; --long")
    said = re.search(r"^# .*:  (brickwork run (\S+) .*)$", path.read_text().partition("\n")[0])
    assert said is not None
    assert said[2] == path.name
    Path(path.name).write_bytes(path.read_bytes())
    words = [*shlex.split(said[1])[1:], "--num-inference-steps", "3"]
    result = invoke(*words)
    assert (result.exit_code, result.stderr) == (0, "")
    assert all(Path(file).stat().st_size > 500 for file in result.stdout.splitlines())
    expected = {"seeds": 4, "outputs": 2}.get(path.stem, 1)
    assert len(set(result.stdout.splitlines())) == expected
