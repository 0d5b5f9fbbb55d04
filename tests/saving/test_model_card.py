"""A card says each fact once, in an order in which a person asks."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from brickwork import ModularPipeline, find_preset
from brickwork.blocks import PredictNoise
from brickwork.blocks.core.base import ModularPipelineBlocks
from brickwork.saving.block_sources import Sources
from brickwork.saving.model_card import model_card
from brickwork.state.packages.api_version import API_VERSION

PLACE = "denoise.text2image.plain.denoiser"
SECTIONS = [
    "Needs",
    "Run it",
    "Change it",
    "Workflows",
    "Inputs",
    "Outputs",
    "Options",
    "Blocks",
    "Components",
    "Licence",
]


def card_of(blocks: ModularPipelineBlocks) -> str:
    return model_card(blocks, "me/mine", Sources({}, {}, {}, ()), specs={})


@pytest.fixture(scope="module")
def auto() -> ModularPipelineBlocks:
    """All tasks in one, with an option that is not as its class has it."""
    blocks = find_preset("sdxl.auto")
    predict = blocks.sub_blocks["denoise"].sub_blocks["text2image"].sub_blocks["plain"].sub_blocks["denoiser"]
    blocks.sub_blocks.replace(PLACE, type(predict)(batching="sequential"))
    return blocks


@pytest.fixture(scope="module")
def card(auto: ModularPipelineBlocks) -> str:
    return card_of(auto)


def cells(card: str, name: str) -> list[str]:
    """The cells of the first row of a table that begins with a name: what is an input may be an output, too."""
    line = next(line for line in card.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_sections_stand_once_and_in_order(card: str) -> None:
    assert re.findall(r"^## (.*)$", card, re.MULTILINE) == SECTIONS


def test_no_row_stands_twice(card: str) -> None:
    rows = [line for line in card.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    assert [row for row, count in Counter(rows).items() if count > 1] == []
    tables = [line for line in card.splitlines() if line.startswith("| --- ")]
    assert len(tables) == 5


def test_an_input_says_in_which_workflows_it_is_and_what_it_is_there(card: str) -> None:
    assert cells(card, "input")[:3] == ["input", "default", "in workflows"]
    assert cells(card, "prompt")[1:3] == ["required", "all"]
    steered = ["controlnet", "ip_adapter", "ip_adapter_controlnet"]
    masked = ["inpainting", *(f"{each}_inpainting" for each in steered)]
    default, *workflows = cells(card, "mask\\_image")[1:3]
    assert (default, workflows[0].replace("\\", "").split(", ")) == ("required", masked)
    default, *workflows = cells(card, "image")[1:3]
    assert default == "required"
    assert {"image2image", *masked} < {*workflows[0].replace("\\", "").split(", ")}
    assert cells(card, "num\\_inference\\_steps")[1:3] == ["`50`", "all"]
    assert cells(card, "eta")[1:3] == ["`0.0`", "all"]


def test_workflows_say_what_chooses_them(card: str) -> None:
    assert cells(card, "text2image")[1] in ("`prompt`", "nothing of these is given")
    assert "`mask_image`" in cells(card, "inpainting")[1]


def test_options_of_all_blocks_are_there_with_their_place_and_meaning(card: str) -> None:
    (row,) = [line for line in card.splitlines() if line.startswith(f"| batching | `{PLACE}` |")]
    place, here, default, meaning = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[2:-1]]
    assert (place, here, default) == (f"`{PLACE}`", "`'sequential'`", f"`{PredictNoise().batching!r}`")
    assert meaning


def test_how_a_block_is_put_in_names_a_block_that_there_is(card: str, auto: ModularPipelineBlocks) -> None:
    (line,) = re.findall(r"pipe\.blocks\.insert_after\('(\w+)'", card)
    assert line == list(auto.sub_blocks)[-1]


def test_what_is_needed_is_said_with_and_without_code_of_its_own(card: str) -> None:
    assert "## Needs\n\n`brickwork`.\n" in card
    told = Sources({"mine.py": b""}, {}, {"brickwork": ">=0.1", "numpy": ">=2"})
    said = model_card(find_preset("ddpm.unconditional"), "me/mine", told)
    assert f"`brickwork>=0.1`, `numpy>=2`. The code was written for API {API_VERSION} of Brickwork." in said


def test_the_only_workflow_has_no_column_and_no_section() -> None:
    card = card_of(find_preset("ddpm.unconditional"))
    assert "## Workflows" not in card
    assert cells(card, "input") == ["input", "default", "type", "meaning"]
    assert cells(card, "num\\_inference\\_steps")[1] == "`1000`"


def test_a_saved_pipeline_has_it(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    tiny_pipe.save_pretrained(tmp_path / "mine", license_id="mit")
    card = (tmp_path / "mine" / "README.md").read_text()
    assert list(re.findall(r"^## (.*)$", card, re.MULTILINE)) == SECTIONS
    assert "this repository/unet" in card
    assert card.endswith("## Licence\n\nmit.\n")
