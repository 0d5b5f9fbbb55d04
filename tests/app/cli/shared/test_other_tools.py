"""What AUTOMATIC1111's web UI and ComfyUI write into images is said in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_runner import invoke
from PIL import Image, PngImagePlugin

from brickwork.app.cli.shared.other_tools import comfy_rows, parameters_rows
from brickwork.state import RepoError

PARAMETERS = (
    "a castle, (stone:1.2)\nby the sea\nNegative prompt: blurry\nand grey\n"
    'Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 42, Size: 512x512, Lora hashes: "a: 1, b: 2", Version: v1.10.1'
)
GRAPH = {
    "3": {"class_type": "KSampler", "inputs": {"seed": 8, "steps": 20, "cfg": 7.5, "sampler_name": "euler", "scheduler": "normal",
          "denoise": 1.0, "model": ["10", 0], "positive": ["6", 0], "negative": ["9", 0], "latent_image": ["5", 0]}},
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd15.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 768, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a castle", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": ["8", 0], "clip": ["4", 1]}},
    "8": {"class_type": "StringConstant", "inputs": {"string": "blurry"}},
    "9": {"class_type": "ConditioningCombine", "inputs": {"conditioning_1": ["7", 0], "conditioning_2": ["6", 0]}},
    "10": {"class_type": "LoraLoader", "inputs": {"lora_name": "x.safetensors", "strength_model": 0.5, "model": ["4", 0]}},
}  # fmt: skip


def with_text(**texts: str) -> Path:
    info = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        info.add_itxt(name, text) if not text.isascii() else info.add_text(name, text)
    Image.new("RGB", (8, 8)).save("other.png", pnginfo=info)
    return Path("other.png")


def test_parameters_are_prompt_negative_prompt_and_fields() -> None:
    assert parameters_rows(PARAMETERS) == [
        ("prompt", "a castle, (stone:1.2)\nby the sea"),
        ("negative prompt", "blurry\nand grey"),
        ("Steps", "20"),
        ("Sampler", "DPM++ 2M"),
        ("Schedule type", "Karras"),
        ("CFG scale", "7"),
        ("Seed", "42"),
        ("Size", "512x512"),
        ("Lora hashes", "a: 1, b: 2"),
        ("Version", "v1.10.1"),
    ]


def test_a_last_line_with_few_fields_is_one_of_the_prompt() -> None:
    assert parameters_rows("a cat\nSteps: 20, Seed: 1") == [("prompt", "a cat\nSteps: 20, Seed: 1")]
    assert parameters_rows("a cat") == [("prompt", "a cat")]
    assert parameters_rows('a\nAa: 1, Bb: 2, Cc: "x')[1:] == [("Aa", "1"), ("Bb", "2"), ("Cc", '"x')]


def test_a_graph_is_told_sampler_by_sampler_with_the_texts_behind_its_links() -> None:
    rows = comfy_rows(json.dumps(GRAPH))
    assert rows[:8] == [
        ("positive (KSampler 3)", "a castle"),
        ("negative (KSampler 3)", "blurry"),
        ("seed (KSampler 3)", "8"),
        ("steps (KSampler 3)", "20"),
        ("cfg (KSampler 3)", "7.5"),
        ("sampler_name (KSampler 3)", "euler"),
        ("scheduler (KSampler 3)", "normal"),
        ("denoise (KSampler 3)", "1.0"),
    ]
    assert ("ckpt_name (CheckpointLoaderSimple 4)", "sd15.safetensors") in rows
    assert ("lora_name (LoraLoader 10)", "x.safetensors") in rows
    assert ("height (EmptyLatentImage 5)", "768") in rows


@pytest.mark.parametrize(
    "odd",
    [
        {"1": {"class_type": "KSampler", "inputs": {"positive": ["1", 0], "seed": 3}}},
        {"1": {"class_type": "KSampler", "inputs": {"positive": ["9", 0], "seed": 3}}},
        {
            "1": {"class_type": "KSampler", "inputs": {"positive": [], "seed": 3}},
            "2": {"class_type": "Odd", "inputs": [1]},
        },
        {
            "1": {"class_type": "KSampler", "inputs": {"positive": ["2", 0], "seed": 3}},
            "2": {"class_type": "Odd", "inputs": None},
        },
    ],
)
def test_links_in_a_circle_or_to_nowhere_give_no_text(odd: dict[str, object]) -> None:
    assert comfy_rows(json.dumps(odd)) == [("seed (KSampler 1)", "3")]


def test_what_is_no_graph_is_refused() -> None:
    with pytest.raises(RepoError, match="has no nodes of ComfyUI"):
        comfy_rows("{}")
    with pytest.raises(RepoError):
        comfy_rows("a cat")


def test_info_reads_both_out_of_files() -> None:
    said = invoke("info", with_text(parameters=PARAMETERS))
    assert said.exit_code == 0
    assert said.stdout.startswith("made by          the text 'parameters', as AUTOMATIC1111's web UI writes it\n")
    assert "Sampler          DPM++ 2M\n" in said.stdout
    found = json.loads(invoke("info", with_text(prompt=json.dumps(GRAPH), workflow="{}"), "--json").stdout)
    assert found["by"] == "ComfyUI"
    assert {"name": "seed (KSampler 3)", "value": "8"} in found["said"]
    nothing = invoke("info", with_text(Comment="x"))
    assert (nothing.exit_code, "does not say how it was made" in nothing.stderr) == (3, True)
    Path("no.png").write_bytes(b"no image")
    assert invoke("info", "no.png").exit_code == 3


def test_what_moves_a_cursor_is_spelled_out() -> None:
    said = invoke("info", with_text(parameters="a \x1b[2Jcat\u202e\nSteps: 1, Seed: 2, Size: 8x8"))
    assert "a \\x1b[2Jcat\\u202e" in said.stdout
    assert "\x1b" not in said.stdout
