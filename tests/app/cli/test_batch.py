"""`brickwork batch` runs the rows of a table that are not there yet; `sweep` every combination."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_runner import events, invoke
from PIL import Image

from brickwork.presets.embedded import embedded
from brickwork.scale.rows import Row, read_table
from brickwork.state import InputError

KNOWN = {
    "prompt": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    "num_inference_steps": {"type": "integer"},
    "sigmas": {"anyOf": [{"type": "array", "items": {"type": "number"}}, {"type": "null"}]},
}
ONE = ("--num-inference-steps", "1", "--json")


def test_a_table_is_read_by_the_inputs_types() -> None:
    Path("t.csv").write_text(
        '\ufeffprompt,num-inference-steps,seed,name,sigmas\na cat,2,7,cat.png,\n"a, b",,,,"1,0.5"\n', encoding="utf-8"
    )
    assert read_table(Path("t.csv"), KNOWN, 10) == [
        Row(1, "cat", 7, {"prompt": "a cat", "num_inference_steps": 2}),
        Row(2, "0002", 11, {"prompt": "a, b", "sigmas": [1.0, 0.5]}),
    ]
    Path("t.jsonl").write_text('{"prompt": ["a", "b"], "seed": 3}\n\n{"prompt": "c", "name": "c"}\n')
    assert read_table(Path("t.jsonl"), KNOWN, 0) == [
        Row(1, "0001", 3, {"prompt": ["a", "b"]}),
        Row(2, "c", 1, {"prompt": "c"}),
    ]


@pytest.mark.parametrize(
    ("name", "text", "faults"),
    [
        ("t.csv", "promt\nx\n", ["'promt' is no input. Did you mean 'prompt'?"]),
        ("t.csv", "num_inference_steps,seed\ntwo,x\n3,-1\n", [
            "row 1, num_inference_steps: 'two' is no INTEGER.", "row 1, seed: 'x' is no whole number from 0.",
            "row 2, seed: '-1' is no whole number from 0."]),
        ("t.csv", "name\na/b\n..\n{}\na\nA\n", [
            "row 1, name: 'a/b' is no name of a file.", "row 2, name: '..' is no name of a file.", "row 3, name: '{}' is no name of a file.",
            "rows 4 and 5 have one name, 'A'."]),
        ("t.jsonl", '{"seed": true}\n[1]\n{\n', [
            "line 2 has no inputs by name.", "line 3 is no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1).",
            "row 1, seed: True is no whole number from 0."]),
        ("t.txt", "x", []),
    ],
)  # fmt: skip
def test_every_fault_of_a_table_is_named(name: str, text: str, faults: list[str]) -> None:
    Path(name).write_text(text)
    with pytest.raises(InputError) as caught:
        read_table(Path(name), KNOWN, 0)
    assert list(caught.value.faults) == (faults if len(faults) != 0 else [])
    if not faults:
        assert "it ends in .csv, .jsonl or .parquet" in str(caught.value)


def test_rows_that_are_there_are_not_run_again() -> None:
    Path("t.csv").write_text("prompt,name\na cat,cat\na dog,\n")
    words = ("batch", "embedded", "t.csv", "-o", "out", *ONE)
    first = events(invoke(*words))
    assert [(each["name"], each["state"]) for each in first[:-1]] == [("cat", "made"), ("0002", "made")]
    assert first[-1] == {"event": "finished", "made": 2, "there": 0, "failed": 0, "aside": 0}
    assert sorted(path.name for path in Path("out").iterdir()) == ["0002.png", "cat.png"]
    times = {path: path.stat().st_mtime_ns for path in Path("out").iterdir()}
    assert events(invoke(*words))[-1] == {"event": "finished", "made": 0, "there": 2, "failed": 0, "aside": 0}
    assert {path: path.stat().st_mtime_ns for path in Path("out").iterdir()} == times
    # By what made them, and not by their names: another seed, prompt, option or a broken file is drawn anew.
    other = events(invoke(*words, "--seed", "5"))[:-1]
    assert [each["state"] for each in other] == ["made", "made"]
    Path("out/cat.png").write_bytes(b"cut off")
    assert [each.get("state") for each in events(invoke(*words))[:-1]] == ["made", "made"]


def test_an_image_of_a_batch_is_the_one_that_a_run_draws() -> None:
    Path("t.csv").write_text("prompt,seed\na cat,3\n")
    assert (
        invoke("batch", "embedded", "t.csv", "-o", "out", "--num-inference-steps", "1").stdout
        == "1 made, 0 were there, 0 failed\n"
    )
    invoke("run", "embedded", "--prompt", "a cat", "--num-inference-steps", "1", "--seed", "3", "-o", "a.png")
    with Image.open("a.png") as one, Image.open("out/0001.png") as other:
        assert one.tobytes() == other.tobytes()


def test_images_of_a_row_are_there_if_all_of_them_are() -> None:
    Path("t.jsonl").write_text('{"prompt": "a cat", "num_images_per_prompt": 2}\n')
    words = ("batch", "embedded", "t.jsonl", "-o", "out", *ONE)
    assert events(invoke(*words))[0]["files"] == ["out/0001-0.png", "out/0001-1.png"]
    assert events(invoke(*words))[-1]["there"] == 1
    Path("out/0001-1.png").unlink()
    assert events(invoke(*words))[-1]["made"] == 1


def test_rows_that_fail_are_in_a_file_and_alone_run_again() -> None:
    Path("t.jsonl").write_text('{"prompt": "a cat"}\n{"prompt": "x", "height": 65, "name": "odd"}\n')
    result = invoke("batch", "embedded", "t.jsonl", "-o", "out", "--num-inference-steps", "1")
    assert (result.exit_code, result.stdout) == (6, "1 made, 0 were there, 1 failed\n")
    assert result.stderr == "What failed is in out/failed.json.\n"
    (entry,) = json.loads(Path("out/failed.json").read_text())
    assert (entry["row"], entry["name"], entry["type"]) == (2, "odd", "InputError")
    assert "height is 65" in entry["message"]
    Path("t.jsonl").write_text('{"prompt": "a cat", "seed": 9}\n{"prompt": "x", "height": 64, "name": "odd"}\n')
    found = events(invoke("batch", "embedded", "t.jsonl", "-o", "out", "--failed-only", *ONE))
    assert [(each["name"], each["state"]) for each in found[:-1]] == [("odd", "made")]
    assert not Path("out/failed.json").exists()
    assert events(invoke("batch", "embedded", "t.jsonl", "-o", "out", "--failed-only", *ONE)) == [
        {"event": "finished", "made": 0, "there": 0, "failed": 0, "aside": 0}
    ]


def test_an_error_that_is_not_the_row_s_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = type(embedded().scheduler)
    step, left = scheduler.step, [2]

    def sometimes(*given: object, **named: object) -> object:
        left[0] -= 1
        if left[0] >= 0:
            raise MemoryError("none left")
        return step(*given, **named)

    monkeypatch.setattr(scheduler, "step", sometimes)
    Path("t.csv").write_text("prompt\na cat\n")
    assert events(invoke("batch", "embedded", "t.csv", "-o", "out", *ONE))[-1]["made"] == 1
    left[0] = 2
    found = events(invoke("batch", "embedded", "t.csv", "-o", "more", *ONE, "--retries", "1"))
    assert (found[0]["state"], found[0]["type"]) == ("failed", "MemoryError")


def test_a_sweep_is_one_labelled_grid_and_images_with_recipes() -> None:
    words = (
        "sweep",
        "embedded",
        "--prompt",
        "a cat",
        "--axis",
        "guidance_scale=1,5",
        "--axis",
        "seed=1..2",
        "--axis",
        "seed=7",
        *ONE,
    )
    found = events(invoke(*words, "-o", "grid.png", "--each", "each", "--resize", "32"))
    assert [each["event"] for each in found] == ["run"] * 6 + ["finished"]
    assert found[-1]["runs"] == 6
    with Image.open("grid.png") as grid:
        assert grid.width == 3 * 32
    assert len(list(Path("each").glob("*.png"))) == 6
    assert invoke("diff", "each/0001.png", "each/0003.png").stdout == "generator: seed 1, and seed 7\n"


def test_an_axis_of_texts_is_given_again_for_each() -> None:
    words = ("sweep", "embedded", "--axis", "prompt=a cat, flat", "--axis", "prompt=a dog", *ONE[:2])
    assert invoke(*words).stdout == "image-1.png\n"
