"""Options that a target does not have: all of them are said, each with what stands for it."""

from __future__ import annotations

from cli_runner import events, invoke


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
    assert image.endswith(" --repo FOLDER --image ...")
    assert said == [
        "No such option '--steps'. In place of steps: --num-inference-steps.",
        "No such option '--promt'. Did you mean '--prompt'?",
        "No such option '--cfg_scale'. In place of cfg_scale: --guidance-scale.",
        "No such option '--zzzz'. brickwork run TARGET --help lists what there is.",
        "Missing option '--prompt'.",
    ]


def test_values_that_look_like_options_are_none() -> None:
    result = invoke("run", "embedded", "--prompt", "--steps", "--stepz", "1", "--json")
    (event,) = events(result)
    assert event["message"] == "No such option '--stepz'. brickwork run TARGET --help lists what there is."
