"""Options that a target does not have: all of them are said, each with what stands for it."""

from __future__ import annotations

import shutil
from pathlib import Path

from cli_runner import events, invoke

from brickwork.presets.embedded import FOLDER


def test_every_wrong_option_is_said_with_what_stands_for_it() -> None:
    result = invoke(
        "run",
        "embedded",
        "--steps",
        "3",
        "--image",
        "x.png",
        "--promt=y",
        "--cfg_scale",
        "2",
        "--zzzz",
        "--",
        "--never",
    )
    assert result.exit_code == 2
    said = [line.removeprefix("  - ") for line in result.stderr.partition("Error: 6 faults\n")[2].splitlines()]
    image = said.pop(1)
    assert image.startswith("No such option '--image'. Presets of this family that take it: sdxl.")
    assert image.endswith(" For one: brickwork run sdxl.auto --repo embedded --image ...")
    assert said == [
        "No such option '--steps'. In place of steps: --num-inference-steps.",
        "No such option '--promt'. Did you mean '--prompt'?",
        "No such option '--cfg_scale'. In place of cfg_scale: --guidance-scale.",
        "No such option '--zzzz'. brickwork run embedded --help lists what there is.",
        "Missing option '--prompt'.",
    ]


def test_values_that_look_like_options_are_none() -> None:
    result = invoke("run", "embedded", "--prompt", "--steps", "--stepz", "1", "--json")
    (event,) = events(result)
    assert event["message"] == "No such option '--stepz'. brickwork run embedded --help lists what there is."


WORKFLOW = """
brickwork: 1
start: sdxl.text2image
repo: embedded
"""


def test_advice_repeats_what_was_typed_as_the_target() -> None:
    Path("w w.yaml").write_text(WORKFLOW)
    shutil.copytree(FOLDER, "my model")
    invoke("run", "embedded", "--prompt", "x", "--num-inference-steps", "1", "-o", "a.png")
    repos = {
        ("w w.yaml",): "embedded",
        ("a.png",): "embedded",
        ("my model",): "'my model'",
        ("sdxl.text2image", "--repo", "my model"): "'my model'",
        ("sdxl.text2image",): "FOLDER",
    }
    for target, repo in repos.items():
        said = invoke("run", *target, "--prompt", "x", "--image", "x.png").stderr
        assert said.rstrip().endswith(f" For one: brickwork run sdxl.auto --repo {repo} --image ..."), target
    assert "brickwork explain 'w w.yaml' --help lists" in invoke("explain", "w w.yaml", "--zzzz", "1").stderr
