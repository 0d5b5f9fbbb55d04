"""What diffusers' pages on modular pipelines promise of repositories, on a Hub on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from block_repo import relocated, write
from hub_server import Hub

from brickwork import ComponentsManager, ModularPipeline, TrustError

BLOCK = """
from typing import Any, List

import torch
from {package} import InputParam, ModularPipelineBlocks, OutputParam, SequentialPipelineBlocks
from {package}.stable_diffusion_xl import {preset}


class InvertStep(ModularPipelineBlocks):
    model_name = "stable-diffusion-xl"

    @property
    def description(self) -> str:
        return "Invert the latents."

    @property
    def inputs(self) -> List[InputParam]:
        return [InputParam("latents", required=True, type_hint=torch.Tensor)]

    @property
    def intermediate_outputs(self) -> List[OutputParam]:
        return [OutputParam("latents", type_hint=torch.Tensor)]

    def __call__(self, components, state):
        block_state = self.get_block_state(state)
        block_state.latents = -block_state.latents
        self.set_block_state(state, block_state)
        return components, state


class DiffDiffBlocks(SequentialPipelineBlocks):
    model_name = "stable-diffusion-xl"
    block_classes = {classes}
    block_names = {names}
"""
OURS = {
    "package": "brickwork.modular_pipelines",
    "preset": "TEXT2IMAGE_BLOCKS",
    "classes": "[*list(TEXT2IMAGE_BLOCKS.values())[:-1], InvertStep, TEXT2IMAGE_BLOCKS['decode']]",
    "names": "[*list(TEXT2IMAGE_BLOCKS)[:-1], 'invert', 'decode']",
}
INPUTS: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 2, "output": "images", "output_type": "pt"}


def drawn(pipe: ModularPipeline) -> torch.Tensor:
    pipe.configure(progress=False)
    images: torch.Tensor = pipe(**INPUTS, generator=torch.Generator().manual_seed(1))
    return images


@pytest.fixture
def models(hub: Hub, tiny_folder: Path, tmp_path: Path) -> str:
    """Weights in a repository of their own."""
    return hub.add_folder("stabilityai/sdxl", relocated(tiny_folder, tmp_path / "sdxl", "stabilityai/sdxl"))


def publish(hub: Hub, tiny_folder: Path, tmp_path: Path, config_name: str) -> None:
    """A modular repository as those pages show it: code, its config, and components from another repository."""
    index = (tiny_folder / "modular_model_index.json").read_text().replace(str(tiny_folder), "stabilityai/sdxl")
    config = {"_class_name": "DiffDiffBlocks", "auto_map": {"ModularPipelineBlocks": "block.DiffDiffBlocks"}}
    files = {"block.py": BLOCK.format(**OURS), config_name: config, "modular_model_index.json": index}
    hub.add_folder("YiYiXu/modular-diffdiff-0704", write(tmp_path / "diffdiff", files))


def test_a_repository_with_code_of_its_own_needs_the_flag_and_then_works(
    hub: Hub, models: str, tiny_folder: Path, tmp_path: Path, tiny_pipe: ModularPipeline
) -> None:
    publish(hub, tiny_folder, tmp_path, "config.json")
    components = ComponentsManager()
    with pytest.raises(TrustError, match=r"brings code of its own \(block.py\)"):
        ModularPipeline.from_pretrained("YiYiXu/modular-diffdiff-0704", components_manager=components)
    diffdiff_pipeline = ModularPipeline.from_pretrained(
        "YiYiXu/modular-diffdiff-0704", trust_remote_code=True, components_manager=components, collection="diffdiff"
    )
    assert type(diffdiff_pipeline.blocks).__name__ == "DiffDiffBlocks"
    assert "unet" in diffdiff_pipeline.null_component_names
    diffdiff_pipeline.load_components(torch_dtype=torch.float32)
    assert len(components.get_one(name="unet", collection="diffdiff").state_dict()) > 0
    found = drawn(diffdiff_pipeline)
    tiny_pipe.blocks.insert_before("decode", "invert", type(diffdiff_pipeline.blocks["invert"]))
    assert torch.equal(found, drawn(tiny_pipe))


@pytest.mark.parametrize("config_name", ["config.json", "modular_config.json"])
def test_components_come_from_other_repositories_at_one_commit(
    config_name: str, hub: Hub, models: str, tiny_folder: Path, tmp_path: Path
) -> None:
    publish(hub, tiny_folder, tmp_path, config_name)
    pipe = ModularPipeline.from_pretrained("YiYiXu/modular-diffdiff-0704", trust_remote_code=True)
    spec = pipe.get_component_spec("unet")
    assert (spec.repo, spec.subfolder) == ("stabilityai/sdxl", "unet")
    pipe.load_components()
    commits = {
        path.split("/resolve/")[1].split("/")[0] for _, path in hub.requests if path.startswith("/stabilityai/sdxl/")
    }
    assert commits == {models}


def test_an_entry_edited_by_hand_is_loaded_from_there(hub: Hub, models: str, tiny_folder: Path, tmp_path: Path) -> None:
    publish(hub, tiny_folder, tmp_path, "config.json")
    repo = hub.repos["YiYiXu/modular-diffdiff-0704"]
    index = json.loads(repo.files["modular_model_index.json"])
    index["unet"] = [None, None, {"repo": "RunDiffusion/Juggernaut-XL-v9", "subfolder": "unet", "variant": "fp16"}]
    repo.commit({"modular_model_index.json": json.dumps(index).encode()})
    source = write(tmp_path / "jugger", {})
    for path in (tiny_folder / "unet").iterdir():
        stem, _, ending = path.name.rpartition(".")
        name = f"{stem}.fp16.{ending}" if ending == "safetensors" else path.name
        write(source, {f"unet/{name}": path.read_bytes()})
    hub.add_folder("RunDiffusion/Juggernaut-XL-v9", source)
    pipe = ModularPipeline.from_pretrained("YiYiXu/modular-diffdiff-0704", trust_remote_code=True).load_components()
    assert pipe.unet._diffusers_load_id.startswith("RunDiffusion/Juggernaut-XL-v9|unet|fp16|")
    assert any("Juggernaut" in path and path.endswith("fp16.safetensors") for _, path in hub.requests)


def test_a_workflow_can_be_chosen_when_a_repository_is_opened(tiny_folder: Path, tmp_path: Path) -> None:
    from brickwork.presets.sdxl import AutoBlocks

    AutoBlocks().init_pipeline(str(tiny_folder)).save_pretrained(tmp_path / "auto")
    pipe = ModularPipeline.from_pretrained(tmp_path / "auto", workflow="text2image")
    assert "image_encoder" not in pipe.blocks.sub_blocks
    assert pipe.specs["unet"].repo == str(tiny_folder)
