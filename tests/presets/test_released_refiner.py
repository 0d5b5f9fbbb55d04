"""A released refiner opens by its own folder, and computes what diffusers' pipelines compute of that folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from coarse_images import half_mask, picture

from brickwork import ModularPipeline
from brickwork.blocks.core.preset_catalog import find_preset
from tiny_sdxl import make_pipeline, make_unet

TASKS: dict[str, Any] = {
    "StableDiffusionXLImg2ImgPipeline": {"strength": 0.5},
    "StableDiffusionXLInpaintPipeline": {"strength": 0.5, "mask_image": half_mask(), "height": 64, "width": 64},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As stabilityai/stable-diffusion-xl-refiner-1.0 says it: one text encoder, a rating, and no zeros for an empty prompt."""
    place = tmp_path_factory.mktemp("refiner")
    parts = make_pipeline().components
    torch.manual_seed(3)
    unet = make_unet(cross_attention_dim=24, projection_class_embeddings_input_dim=24 + 5 * 8)
    diffusers.StableDiffusionXLImg2ImgPipeline(
        **{**parts, "unet": unet, "text_encoder": None, "tokenizer": None},
        requires_aesthetics_score=True,
        force_zeros_for_empty_prompt=False,
        add_watermarker=False,
    ).save_pretrained(place)
    return place


@pytest.fixture(params=TASKS)
def of_task(request: pytest.FixtureRequest, folder: Path, tmp_path: Path) -> Path:
    """The same folder, whose index names one of the classes."""
    index = json.loads((folder / "model_index.json").read_text()) | {"_class_name": request.param}
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    return tmp_path


def opened(folder: Path) -> ModularPipeline:
    pipe = ModularPipeline.from_pretrained(str(folder)).load_components()
    pipe.configure(progress=False)
    return pipe


def call(pipe: Any, **inputs: Any) -> Any:
    settings = {"num_inference_steps": 6, "guidance_scale": 5.0, "output_type": "latent", "image": picture()}
    return pipe(**{**settings, **inputs}, generator=torch.Generator().manual_seed(2))


CASES: dict[str, dict[str, Any]] = {
    "plain": {"prompt": "a red circle"},
    "negative prompt": {"prompt": "a red circle", "negative_prompt": "a blue square"},
    "rating": {"prompt": "a cat", "aesthetic_score": 5.0, "negative_aesthetic_score": 1.0},
    "sizes": {"prompt": "a cat", "original_size": (96, 80), "negative_original_size": (32, 32), "crops_coords_top_left": (8, 4)},
    "batch": {"prompt": ["a red circle", "a cat"], "num_images_per_prompt": 2},
    "no guidance": {"prompt": "a red circle", "guidance_scale": 1.0},
    "goes on": {"prompt": "a red circle", "denoising_start": 0.6, "strength": 1.0},
}  # fmt: skip


def test_the_folder_computes_what_the_classic_pipeline_does(of_task: Path) -> None:
    name = json.loads((of_task / "model_index.json").read_text())["_class_name"]
    theirs = getattr(diffusers, name).from_pretrained(of_task)
    theirs.set_progress_bar_config(disable=True)
    ours = opened(of_task)
    for case, inputs in CASES.items():
        given = {**TASKS[name], **inputs}
        assert torch.equal(call(ours, **given, output="images"), call(theirs, **given).images), case


def test_it_asks_for_one_text_encoder_and_is_saved_as_what_it_is(folder: Path, tmp_path: Path) -> None:
    pipe = opened(folder)
    assert not {"text_encoder", "tokenizer"} & set(pipe.component_names)
    assert "prompt_2" not in pipe.blocks.input_names
    pipe.save_pretrained(str(tmp_path))
    again = opened(tmp_path)
    assert str(again.blocks) == str(pipe.blocks)
    assert torch.equal(*(call(each, prompt="a cat", strength=0.5, output="images") for each in (pipe, again)))


def test_an_index_with_both_encoders_opens_as_before(tiny_folder: Path, tmp_path: Path) -> None:
    index = json.loads((tiny_folder / "model_index.json").read_text())
    index |= {"_class_name": "StableDiffusionXLImg2ImgPipeline", "image_encoder": [None, None]}
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    pipe = ModularPipeline.from_pretrained(str(tmp_path))
    assert {"text_encoder", "text_encoder_2"} <= set(pipe.component_names)


def test_the_preset_has_a_name() -> None:
    blocks = find_preset("sdxl.refiner")
    assert {"image", "aesthetic_score"} <= set(blocks.input_names)
    assert blocks.check().faults == ()
