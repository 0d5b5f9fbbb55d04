"""Components of a pipeline: number formats, kinds, places."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from accelerate.hooks import AlignDevicesHook, add_hook_to_module, remove_hook_from_module
from diffusers import UNet2DConditionModel

from brickwork import (
    Block,
    ComponentError,
    ComponentSpec,
    ModularPipeline,
    Outputs,
    SequentialPipelineBlocks,
    component,
)
from brickwork.modular_pipelines.stable_diffusion_xl import TEXT2IMAGE_BLOCKS


@pytest.fixture
def pipe(tiny_folder: Path) -> ModularPipeline:
    return SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline(str(tiny_folder))


def test_an_updated_component_changes_attribute_and_index(
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


def test_a_component_changes_kind_when_it_is_updated(pipe: ModularPipeline) -> None:
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


class Scale(Block):
    table: SimpleNamespace = component()

    class Out(Outputs):
        y: int

    def run(self, x: int) -> Out:
        return self.Out(y=x * self.table.factor)


def test_a_component_that_nothing_can_refer_to_weakly_runs_like_any_other() -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict({"scale": Scale}).init_pipeline()
    pipe.update_components(table=SimpleNamespace(factor=3))
    assert pipe(x=2, output="y") == 6
