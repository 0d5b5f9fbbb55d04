"""Stable unCLIP: repositories of both layouts open, a vector of a batch is that alone, and other UNets are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from family_rows.unclip import FAMILY
from tiny_sd import unet

from brickwork import InputError, ModularPipeline
from brickwork.blocks.techniques.noised_vectors import NoiseVectors
from brickwork.presets.tasks_of_vectors import vectors_of_text
from brickwork.presets.unclip import TEXT2IMAGE_BLOCKS, UNCLIP, UNCLIP_PRIOR

SHORT = {"num_inference_steps": 1}


@pytest.mark.parametrize(
    ("task", "cls"),
    [("text2image", diffusers.StableUnCLIPPipeline), ("variation", diffusers.StableUnCLIPImg2ImgPipeline)],
)
def test_a_repository_of_either_layout_draws_what_the_classic_draws(task: str, cls: Any, tmp_path: Path) -> None:
    FAMILY.classic(cls, FAMILY.parts("float32")).save_pretrained(tmp_path / "classic")
    opened = ModularPipeline.from_pretrained(str(tmp_path / "classic")).load_components()
    opened.save_pretrained(tmp_path / "saved")
    again = ModularPipeline.from_pretrained(str(tmp_path / "saved")).load_components()
    given = {**FAMILY.tasks[task].given, **SHORT}
    expected = FAMILY.draw(task, **SHORT)
    for pipe in (opened, again):
        pipe.configure(progress=False)
        assert torch.equal(pipe(**given, output_type="pt", seed=7, output="images"), expected)


@pytest.mark.parametrize("task", ["text2image", "variation"])
def test_an_image_of_a_batch_is_the_image_alone(task: str) -> None:
    given = FAMILY.tasks[task].given
    both = FAMILY.draw(task, **SHORT, seed=[3, 4])
    for place, seed in enumerate((3, 4)):
        own = {name: given[name][place] for name in ("prompt", "negative_prompt", "image") if name in given}
        alone = FAMILY.draw(task, **{**SHORT, **own}, seed=None, generator=[torch.Generator().manual_seed(seed)])
        assert float((alone[0] - both[place]).abs().max()) < 1e-4


def test_a_unet_that_is_told_no_vector_is_refused() -> None:
    pipe = FAMILY.ready("variation")
    pipe.update_components(unet=unet())
    with pytest.raises(InputError, match="has class_embed_type=None, and is told no vector of an image"):
        pipe(**FAMILY.tasks["variation"].given)
    pipe.update_components(unet=FAMILY.parts("float32")["unet"])


def test_the_blocks_are_those_of_text_to_image_with_a_prior_before_them() -> None:
    made = vectors_of_text(UNCLIP, UNCLIP_PRIOR)
    assert list(made) == list(TEXT2IMAGE_BLOCKS)
    assert list(made)[:4] == ["prior", "text_encoder", "input", "noise_vectors"]
    assert made["noise_vectors"] is NoiseVectors.bind(UNCLIP)
