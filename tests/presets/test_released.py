"""Classes of diffusers that an index may name, and what opens for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import pytest

from brickwork import CompositionError, ModularPipeline
from brickwork.presets.embedded import FOLDER
from brickwork.presets.sdxl import NAMES
from brickwork.registry.catalog import VARIANT

RELEASED = [name for name in NAMES if "." not in name]
IMAGE, MASK, CONTROL = "image", "mask_image", "control_image"
TASKS = {
    "StableDiffusionXLPipeline": set(),
    "StableDiffusionXLImg2ImgPipeline": {IMAGE},
    "StableDiffusionXLInpaintPipeline": {IMAGE, MASK},
    "StableDiffusionXLControlNetPipeline": {CONTROL},
    "StableDiffusionXLControlNetImg2ImgPipeline": {IMAGE, CONTROL},
    "StableDiffusionXLControlNetInpaintPipeline": {IMAGE, MASK, CONTROL},
    "StableDiffusionXLControlNetUnionPipeline": {CONTROL},
    "StableDiffusionXLControlNetUnionImg2ImgPipeline": {IMAGE, CONTROL},
    "StableDiffusionXLControlNetUnionInpaintPipeline": {IMAGE, MASK, CONTROL},
    "StableDiffusionXLAdapterPipeline": {"adapter_image"},
}


def opened(folder: Path, name: str, **entries: Any) -> ModularPipeline:
    (folder / name).write_text(json.dumps(entries))
    return ModularPipeline.from_pretrained(str(folder))


@pytest.mark.parametrize("name", RELEASED)
def test_every_released_class_is_one_of_diffusers(name: str) -> None:
    assert hasattr(diffusers, name.partition(VARIANT)[0])


@pytest.mark.parametrize("name", TASKS)
def test_a_classic_class_opens_as_the_preset_of_its_task(name: str, tmp_path: Path) -> None:
    pipe = opened(tmp_path, "model_index.json", _class_name=name)
    assert TASKS[name] == {"image", "mask_image", "control_image", "adapter_image"} & set(pipe.blocks.input_names)


@pytest.mark.parametrize("blocks", ["StableDiffusionXLAutoBlocks", "SequentialPipelineBlocks"])
def test_an_index_of_diffusers_that_names_the_blocks_opens_with_all_tasks(blocks: str, tmp_path: Path) -> None:
    modular = {"_class_name": "StableDiffusionXLModularPipeline", "_blocks_class_name": blocks}
    pipe = opened(tmp_path, "modular_model_index.json", **modular)
    assert {"image", "mask_image", "control_image", "ip_adapter_image"} <= set(pipe.blocks.input_names)


def test_a_pipeline_that_diffusers_saved_without_its_optional_models_loads(tmp_path: Path) -> None:
    theirs = diffusers.ModularPipeline.from_pretrained(str(FOLDER))
    theirs.load_components(["unet", "vae", "scheduler", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2"])
    theirs.save_pretrained(str(tmp_path))
    pipe = ModularPipeline.from_pretrained(str(tmp_path)).load_components()
    assert {"image_encoder", "controlnet"} <= set(pipe.null_component_names)
    assert pipe.get_component_spec("image_encoder").repo is None
    assert type(pipe.unet).__name__ == "UNet2DConditionModel"


def test_blocks_that_nothing_gives_are_refused_with_the_way_on(tmp_path: Path) -> None:
    modular = {"_class_name": "StableDiffusionXLModularPipeline", "_blocks_class_name": "MyOwnBlocks"}
    with pytest.raises(CompositionError, match=r"blocks of the class 'MyOwnBlocks'.*adopt\(blocks\)") as caught:
        opened(tmp_path, "modular_model_index.json", **modular)
    assert "the blocks of a preset; there are those of ace_step, " in str(caught.value)


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("PixArtOmegaPipeline", "PixArtOmega"),
        ("AllegroModularPipeline", "Allegro"),
        ("StableDiffusionXLXLPipeline", "StableDiffusionXLXL"),
    ],
)
def test_a_family_without_a_preset_is_named_and_no_other_is_meant(name: str, family: str, tmp_path: Path) -> None:
    with pytest.raises(CompositionError, match=r"adopt\(blocks\)") as caught:
        opened(tmp_path, "model_index.json", _class_name=name)
    said = f"is a pipeline of {family!r} ({name}), for which there is no preset; there are those of ace_step, "
    assert said in str(caught.value)
    assert "sd, sd3, sdxl" in str(caught.value)
    assert "Did you mean" not in str(caught.value)
