"""The text `parameters` of images, read by the rules of AUTOMATIC1111's stable-diffusion-webui, gives what the run was given."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from toy_blocks import seeded

import brickwork
from brickwork import ModularPipeline, SequentialPipelineBlocks
from brickwork.pipeline.recipes.parameters_text import Parameters
from brickwork.pipeline.recipes.recipe_files import read_recipe
from brickwork.presets.sdxl import IMAGE2IMAGE_BLOCKS

SMALL: dict[str, Any] = {"num_inference_steps": 1, "height": 64, "width": 96, "output": "images"}
FIELD = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
SIZE = re.compile(r"^(\d+)x(\d+)$")


def read_as_others_do(text: str) -> dict[str, str]:
    """Read what other tools read, by the rules that modules/infotext_utils.py of stable-diffusion-webui 1.10 has."""
    *lines, last = text.strip().split("\n")
    if len(FIELD.findall(last)) < 3:
        lines, last = [*lines, last], ""
    parts: dict[str, str] = {"Prompt": "", "Negative prompt": ""}
    part = "Prompt"
    for line in map(str.strip, lines):
        rest = line
        if line.startswith("Negative prompt:"):
            part, rest = "Negative prompt", line[len("Negative prompt:") :].strip()
        parts[part] += f"\n{rest}" if parts[part] else rest
    for name, value in FIELD.findall(last):
        plain = json.loads(value) if value[:1] == value[-1:] == '"' else value
        size = SIZE.match(plain)
        parts |= {f"{name}-1": size[1], f"{name}-2": size[2]} if size else {name: plain}
    return parts


def written_by(image: Any, place: Path) -> str | None:
    with Image.open(brickwork.save(image, place / "one.png")[0]) as found:
        return found.info.get("parameters")


def read_of(image: Any, place: Path) -> dict[str, str]:
    text = written_by(image, place)
    assert text is not None
    return read_as_others_do(text)


def image_pipe(blocks: Any, tiny_pipe: ModularPipeline) -> ModularPipeline:
    pipe = blocks.init_pipeline()
    pipe.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    pipe.configure(progress=False)
    return pipe


@pytest.mark.parametrize(
    ("prompt", "negative"),
    [
        ("a cat\nin the rain\n\nat night", None),
        ("a cat, Steps: 3, Sampler: DDIM, Seed: 4", "blue"),
        ("a cat\nSteps: 3, Sampler: DDIM, Seed: 4, Size: 8x8", None),
        ('a "cat", that says: \\"no\\"', 'ugly: "blue"'),
        ("it says Negative prompt: no", "blue\nbroken\n\nSteps: 3, Sampler: DDIM, Seed: 4"),
        ("", "blue"),
        ("a cat", "Negative prompt: what is written so"),
    ],
)
def test_prompts_are_read_as_they_were_given(
    prompt: str, negative: str | None, tiny_pipe: ModularPipeline, tmp_path: Path
) -> None:
    image = tiny_pipe(prompt=prompt, negative_prompt=negative, generator=seeded(7), **SMALL)[0]
    found = read_of(image, tmp_path)
    assert (found["Prompt"], found["Negative prompt"]) == (prompt, negative or "")
    assert found["Steps"] == "1"
    assert found["Seed"] == "7"
    assert (found["Size-1"], found["Size-2"]) == ("96", "64")
    assert found["CFG scale"] == "7.5"
    assert found["Sampler"] == "Euler"
    assert found["RNG"] == "CPU"
    assert found["Model"] == image.info["brickwork"]["components"]["unet"]["origin"]["repo"]
    assert found["Version"] == f"brickwork {image.info['brickwork']['software']['brickwork']}"
    assert "Denoising strength" not in found


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"prompt": "a cat\n Negative prompt: a dog"}, "a line of the prompt begins with 'Negative prompt:'"),
        (
            {"prompt": "a cat", "negative_prompt": "blue\nNegative prompt: red"},
            "a line of the negative prompt begins with 'Negative prompt:'",
        ),
    ],
)
def test_what_the_text_cannot_hold_leaves_it_out_and_the_recipe_says_so(
    inputs: dict[str, Any], words: str, tiny_pipe: ModularPipeline, tmp_path: Path
) -> None:
    image = tiny_pipe(**inputs, generator=seeded(7), **SMALL)[0]
    assert written_by(image, tmp_path) is None
    with Image.open(tmp_path / "one.png") as opened:
        assert written_by(opened, tmp_path) is None
    (note,) = read_recipe(tmp_path / "one.png")[0]["notes"]
    assert note.startswith("The text 'parameters', which other tools read, is left out: ")
    assert words in note
    assert image.info["brickwork"].parameters == ""
    assert brickwork.replay(tmp_path / "one.png", components=tiny_pipe).tobytes() == image.tobytes()


def test_every_image_has_the_prompt_that_it_was_made_of(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    images = tiny_pipe(
        prompt=["a cat", "a\ndog"], negative_prompt=["blue", "red"], num_images_per_prompt=2,
        generator=[seeded(each) for each in (3, 4, 5, 6)], **SMALL,
    )  # fmt: skip
    found = [read_of(image, tmp_path) for image in images]
    assert [each["Prompt"] for each in found] == ["a cat", "a cat", "a\ndog", "a\ndog"]
    assert [each["Negative prompt"] for each in found] == ["blue", "blue", "red", "red"]
    assert [each["Seed"] for each in found] == ["3", "4", "5", "6"]


@pytest.mark.parametrize(
    ("scheduler", "sampler", "schedule"),
    [("dpmpp_2m_karras", "DPM++ 2M", "Karras"), ("dpmpp_2m", "DPM++ 2M", "Uniform"), ("ddim", "DDIM", None)],
)
def test_samplers_are_spelled_as_others_do(
    scheduler: str, sampler: str, schedule: str | None, tiny_pipe: ModularPipeline
) -> None:
    tiny_pipe.update_components(scheduler=scheduler)
    found = read_as_others_do(tiny_pipe(**{**SMALL, "output": None}, prompt="a cat").recipe.parameters)
    assert (found["Sampler"], found.get("Schedule type")) == (sampler, schedule)


def test_own_noise_levels_are_no_schedule_that_has_a_name(tiny_pipe: ModularPipeline) -> None:
    found = read_as_others_do(
        tiny_pipe(prompt="a cat", sigmas=[9.0, 1.0], height=64, width=64, guidance_scale=3).recipe.parameters
    )
    assert "Schedule type" not in found
    assert (found["Steps"], found["CFG scale"]) == ("2", "3")


def test_image_to_image_has_its_strength_given_or_not(tiny_pipe: ModularPipeline) -> None:
    start = Image.new("RGB", (64, 64), "red")
    pipe = image_pipe(SequentialPipelineBlocks.from_blocks_dict(IMAGE2IMAGE_BLOCKS), tiny_pipe)
    inputs: dict[str, Any] = {"prompt": "a cat", "image": start, "num_inference_steps": 4}
    assert read_as_others_do(pipe(**inputs, strength=0.5).recipe.parameters)["Denoising strength"] == "0.5"
    assert read_as_others_do(pipe(**inputs).recipe.parameters)["Denoising strength"] == "0.3"
    assert "Denoising strength" not in read_as_others_do(pipe(**inputs, denoising_start=0.5).recipe.parameters)


@pytest.mark.parametrize("model", ["tiny, v1", "a: b", '"quoted"', "two\nlines", " spaces ", "plain-1.0"])
def test_names_with_commas_and_colons_are_quoted(model: str) -> None:
    text = Parameters("a cat", "", {"Steps": 2, "Seed": 3, "Model": model}).text
    assert read_as_others_do(text)["Model"] == model


def test_a_name_that_reads_as_a_size_is_left_out() -> None:
    fields: Mapping[str, Any] = {"Steps": 2, "Seed": 3, "Sampler": "Euler", "Model": "512x512"}
    assert read_as_others_do(Parameters("", "", fields).text) == {
        "Prompt": "", "Negative prompt": "", "Steps": "2", "Seed": "3", "Sampler": "Euler",
    }  # fmt: skip


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            ["Steps: 3, Sampler: x, Seed: 1", "Negative prompt: a", "Negative prompt:", "", '"', "a: b, c"]
        ),
        st.text(alphabet='ab:, "\\\n\r\tS', max_size=8),
    ),
    max_size=4,
).map("\n".join)


@settings(max_examples=100, deadline=None)
@given(LINES, LINES)
@example("", "\nNegative prompt: a")
def test_no_prompt_is_read_as_another(prompt: str, negative: str) -> None:
    """Spaces at the ends of lines, and empty lines at the ends, the format does not hold."""
    text = Parameters(prompt, negative, {"Steps": 3, "Seed": 5, "Version": "brickwork 1"}).text
    if text:
        found = read_as_others_do(text)
        assert found.pop("Prompt").strip() == bare(prompt)
        assert found.pop("Negative prompt").strip() == bare(negative)
        assert found == {"Steps": "3", "Seed": "5", "Version": "brickwork 1"}
    else:
        assert "Negative prompt:" in prompt + negative


def bare(text: str) -> str:
    return "\n".join(line.strip() for line in text.split("\n")).strip()
