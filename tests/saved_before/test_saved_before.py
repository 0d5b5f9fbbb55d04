"""What an older version has saved opens, and is what it was. `make.py` made the files beside this one, before the rooms were moved."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from own_blocks import Brighter, Weaker
from presets_of_then import auto_of_then

import brickwork
from brickwork import Guider, ModularPipelineBlocks, PerturbedAttentionGuidance, load_workflow
from brickwork.pipeline.recipes.recipe_diff import differences
from brickwork.pipeline.recipes.recipe_files import read_recipe
from brickwork.presets.sdxl import AutoBlocks

HERE = Path(__file__).parent
INPUTS: dict[str, Any] = {"prompt": "a red circle", "num_inference_steps": 3, "output": "images"}
OWN = {"with_own_block.png": [Brighter], "with_own_guider.png": [Brighter], "drawn.png": []}
OF_MACHINE = ("machine", "results")
"""The processor that made the files need not be this one, and then the last bits are others."""


def drawn(own: Any = (), guider: Any = None) -> tuple[Any, Any]:
    pipe = brickwork.embedded()
    pipe.configure(progress=False)
    for block in own:
        pipe.blocks.insert_after("decode", "brighter", block(by=1.25))
    if guider is not None:
        pipe.update_components(guider=guider)
    return pipe, pipe(**INPUTS, generator=torch.Generator().manual_seed(1))[0]


def is_like(one: Any, other: Any) -> bool:
    return bool(np.abs(np.asarray(one, dtype=int) - np.asarray(other, dtype=int)).max() <= 2)


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_recipe_says_that_nothing_that_computes_is_another_now(name: str) -> None:
    _, image = drawn(OWN[name], Weaker(guidance_scale=4.0) if "guider" in name else None)
    found = list(differences(read_recipe(HERE / name)[0], read_recipe(image)[0]))
    assert [each for each in found if each[0] not in OF_MACHINE] == []


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_picture_is_repeated(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = brickwork.replay(HERE / name, blocks=OWN[name], guiders=[Weaker], exact=False)
    assert is_like(again, brickwork.load_image(HERE / name))


def test_a_snapshot_is_resumed() -> None:
    pipe, image = drawn()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (again,) = pipe.resume(HERE / "drawn.safetensors", exact=False)
    assert is_like(again, image)


def test_a_workflow_file_is_opened() -> None:
    pipe = load_workflow(HERE / "workflow.yaml", blocks=[Brighter], guiders=[Weaker])
    assert pipe.guider == Weaker(guidance_scale=4.0)
    assert pipe.blocks["brighter"].by == 1.25
    pipe.load_components()
    again = pipe(**INPUTS, generator=torch.Generator().manual_seed(1))[0]
    assert again.tobytes() == drawn([Brighter], Weaker(guidance_scale=4.0))[1].tobytes()


def test_a_composition_with_code_is_opened(tmp_path: Path) -> None:
    folder = shutil.copytree(HERE / "composition", tmp_path / "composition")
    blocks = ModularPipelineBlocks.from_pretrained(str(folder), trust_remote_code=True)
    assert list(blocks.sub_blocks)[-2:] == ["decode", "brighter"]
    assert blocks["brighter"].by == 1.25


def test_a_preset_that_was_saved_is_the_preset_but_for_what_was_mended_since() -> None:
    opened = ModularPipelineBlocks.from_pretrained(str(HERE / "auto"))
    assert str(opened) == str(auto_of_then())
    assert opened.available_workflows == AutoBlocks().available_workflows


def test_a_guider_is_opened() -> None:
    assert Guider.from_pretrained(str(HERE / "guider")) == PerturbedAttentionGuidance(guidance_scale=3.0)


def test_diffusers_opens_a_composition_that_was_saved(tmp_path: Path) -> None:
    folder = shutil.copytree(HERE / "composition", tmp_path / "composition")
    blocks = diffusers.modular_pipelines.ModularPipelineBlocks.from_pretrained(str(folder), trust_remote_code=True)
    assert {"prompt", "num_inference_steps"} <= {each.name for each in blocks.inputs}
