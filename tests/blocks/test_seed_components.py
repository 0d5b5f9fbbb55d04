"""The user's examples of components in a pipeline, E9 to E21 of those that others do not show."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.hooks import AlignDevicesHook, add_hook_to_module, remove_hook_from_module
from diffusers import UNet2DConditionModel

from brickwork import ComponentError, ComponentSpec, ModularPipeline, SequentialPipelineBlocks
from brickwork.modular_pipelines.stable_diffusion_xl import TEXT2IMAGE_BLOCKS
from brickwork.registry.index import MODULAR_INDEX


@pytest.fixture
def pipe(tiny_folder: Path) -> ModularPipeline:
    return SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline(str(tiny_folder))


def test_e10_everything_is_loaded_and_moved(pipe: ModularPipeline) -> None:
    pipe.load_components(torch_dtype=torch.float16)
    pipe.to("cpu")
    assert pipe.null_component_names == []
    models = [component for component in pipe.components.values() if isinstance(component, torch.nn.Module)]
    assert {model.device.type for model in models} == {"cpu"}
    assert {model.dtype for model in models} == {torch.float16}
    assert pipe.dtype == torch.float16


def test_e11_only_named_components_are_loaded(pipe: ModularPipeline) -> None:
    pipe.load_components(names=["unet", "vae"], torch_dtype=torch.float16)
    assert pipe.unet.dtype == pipe.vae.dtype == torch.float16
    assert pipe.loaded_component_names == ["guider", "unet", "vae", "image_processor"]


def test_e12_print_shows_the_index_without_what_is_not_needed(tiny_folder: Path, pipe: ModularPipeline) -> None:
    name, _, shown = str(pipe).partition(" ")
    assert name == "ModularPipeline"
    entries = json.loads(shown)
    saved = json.loads((tiny_folder / MODULAR_INDEX).read_text())
    for component in pipe.pretrained_component_names:
        origin = {**saved[component][2], "type_hint": list(pipe.specs[component].type_name)}
        assert entries[component] == [None, None, origin]
    assert entries["force_zeros_for_empty_prompt"] is True
    assert "image_encoder" not in entries
    pipe.load_components("unet")
    assert pipe.index["unet"][:2] == ["diffusers", "UNet2DConditionModel"]


def test_e13_an_index_edited_by_hand_loads_from_elsewhere(tiny_folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "other"
    shutil.copytree(tiny_folder / "unet", elsewhere / "model")
    edited = tmp_path / "edited"
    edited.mkdir()
    index = json.loads((tiny_folder / MODULAR_INDEX).read_text())
    index["unet"] = [None, None, {"repo": str(elsewhere), "subfolder": "model", "variant": None}]
    (edited / MODULAR_INDEX).write_text(json.dumps(index))
    pipe = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline(str(edited))
    pipe.load_components("unet")
    assert isinstance(pipe.unet, UNet2DConditionModel)
    assert pipe.get_component_spec("unet").repo == str(elsewhere)


def test_e19_an_updated_component_changes_attribute_and_index(
    tiny_folder: Path, pipe: ModularPipeline, tmp_path: Path
) -> None:
    shutil.copytree(tiny_folder / "unet", tmp_path / "unet2")
    unet2 = ComponentSpec("unet", UNet2DConditionModel, repo=str(tmp_path), subfolder="unet2").load()
    pipe.update_components(unet=unet2)
    assert pipe.unet is unet2
    assert pipe.index["unet"][2]["subfolder"] == "unet2"
    assert pipe.index["unet"][2]["pretrained_model_name_or_path"] == str(tmp_path)


def test_each_component_may_have_its_own_number_format(pipe: ModularPipeline) -> None:
    pipe.load_components(["unet", "vae"], dtype={"vae": torch.float32, "default": torch.bfloat16})
    assert (pipe.unet.dtype, pipe.vae.dtype) == (torch.bfloat16, torch.float32)


def test_a39_a_component_changes_kind_when_it_is_updated(pipe: ModularPipeline) -> None:
    scheduler: Any = pipe.get_component_spec("scheduler").load()
    spec = ComponentSpec("scheduler", type(scheduler), config=scheduler.config, default_creation_method="from_config")
    pipe.update_components(scheduler=spec)
    assert "scheduler" in pipe.config_component_names
    assert "scheduler" not in pipe.index
    assert pipe.scheduler is not None


def test_a_model_that_was_moved_by_itself_is_named(pipe: ModularPipeline) -> None:
    pipe.load_components()
    pipe.unet.to("meta")
    with pytest.raises(ComponentError, match=r"'unet' is on meta, and the pipeline computes on cpu. Move all together"):
        pipe(prompt="a cat")


def test_models_under_hooks_of_accelerate_are_left_to_them(pipe: ModularPipeline) -> None:
    pipe.load_components()
    add_hook_to_module(pipe.unet, AlignDevicesHook(execution_device="cpu"))
    with pytest.raises(ComponentError, match="Hooks of accelerate place unet, so the pipeline cannot move them"):
        pipe.to("cpu")
    pipe.configure(progress=False)
    assert pipe(prompt="a cat", num_inference_steps=1, output_type="latent", output="images") is not None
    remove_hook_from_module(pipe.unet)
    pipe.to("cpu")
