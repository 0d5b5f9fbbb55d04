"""What diffusers' pages on modular pipelines promise of pipelines, components and their manager, one test each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, UNet2DConditionModel
from PIL import Image

from brickwork import (
    ClassifierFreeGuidance,
    ComponentError,
    ComponentsManager,
    ComponentSpec,
    InputError,
    ModularPipeline,
    SequentialPipelineBlocks,
)
from brickwork.modular_pipelines.stable_diffusion_xl import TEXT2IMAGE_BLOCKS
from brickwork.registry.devices.device_memory import DeviceMemory
from brickwork.registry.hub.repo_files import MODULAR_INDEX

QUICK: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 2}


@pytest.fixture
def pipe(tiny_folder: Path) -> ModularPipeline:
    made = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline(str(tiny_folder))
    made.configure(progress=False)
    return made


def vae_spec(folder: Path, **fields: Any) -> ComponentSpec:
    return ComponentSpec("vae", AutoencoderKL, repo=str(folder), subfolder="vae", **fields)


def test_a_pipeline_loads_models_and_runs_blocks(pipe: ModularPipeline) -> None:
    assert isinstance(pipe.load_components()(**QUICK, output="images")[0], Image.Image)


def test_the_result_is_asked_for_by_name(tiny_pipe: ModularPipeline) -> None:
    images = tiny_pipe(**QUICK, output="images")
    assert isinstance(images, list)
    assert set(tiny_pipe(**QUICK, output=["images", "latents"])) == {"images", "latents"}
    assert tiny_pipe(**QUICK).images[0].size == images[0].size
    with pytest.raises(InputError, match="'image' is no output of this run. Did you mean 'images'?"):
        tiny_pipe(**QUICK, output="image")


def test_a_run_goes_on_from_a_state(tiny_pipe: ModularPipeline) -> None:
    state = tiny_pipe(**QUICK, output_type="latent")
    before = state.latents
    again = tiny_pipe(state=state, output_type="pt")
    assert state.latents is before
    assert again.prompt_embeds is state.prompt_embeds or torch.equal(again.prompt_embeds, state.prompt_embeds)


def test_a_pipeline_is_made_with_and_without_a_repository(tiny_folder: Path, tmp_path: Path) -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
    assert blocks.init_pipeline().get_component_spec("unet").repo is None
    assert blocks.init_pipeline(str(tiny_folder)).get_component_spec("unet").repo == str(tiny_folder)
    (tmp_path / "model_index.json").write_text((tiny_folder / "model_index.json").read_text())
    assert blocks.init_pipeline(str(tmp_path)).get_component_spec("unet").repo == str(tmp_path)


def test_nothing_is_loaded_by_itself(tiny_folder: Path) -> None:
    manager = ComponentsManager()
    pipe = ModularPipeline.from_pretrained(str(tiny_folder), components_manager=manager)
    assert pipe.unet is None
    assert len(manager) == 0


def test_a_failed_load_is_an_error_that_names_all_of_them(pipe: ModularPipeline) -> None:
    for name in ("unet", "vae"):
        spec = pipe.get_component_spec(name)
        spec.subfolder = "nowhere"
        pipe.update_components(**{name: spec})
    with pytest.raises(ComponentError) as caught:
        pipe.load_default_components()
    assert [fault.split()[0] for fault in caught.value.faults] == ["'unet'", "'vae'"]
    assert pipe.text_encoder is not None


def test_both_spellings_of_the_dtype_count_and_a_contradiction_is_refused(pipe: ModularPipeline) -> None:
    assert pipe.load_components("vae", torch_dtype=torch.float16).vae.dtype == torch.float16
    assert pipe.load_components("unet", dtype=torch.bfloat16).unet.dtype == torch.bfloat16
    with pytest.raises(ComponentError, match="two spellings of one thing"):
        pipe.load_components("text_encoder", dtype=torch.float16, torch_dtype=torch.float32)


def test_everything_moves_together(pipe: ModularPipeline) -> None:
    pipe.load_components(["unet", "vae"]).to("meta")
    assert (pipe.unet.device.type, pipe.vae.device.type, pipe.device.type) == ("meta", "meta", "meta")
    assert pipe.load_components("text_encoder").text_encoder.device.type == "meta"


def test_the_index_is_shown_and_may_be_edited_without_a_class(tiny_folder: Path, tmp_path: Path) -> None:
    index = json.loads((tiny_folder / MODULAR_INDEX).read_text())
    index = {**index, "vae": [None, None, {"repo": str(tiny_folder), "subfolder": "vae"}], "unused": index["unet"]}
    (tmp_path / MODULAR_INDEX).write_text(json.dumps(index))
    pipe = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline(str(tmp_path))
    assert isinstance(pipe.load_components("vae").vae, AutoencoderKL)
    assert "unused" not in pipe.index
    assert pipe.index["vae"][2]["type_hint"] == ["diffusers", "AutoencoderKL"]


def test_there_are_five_lists_of_component_names(pipe: ModularPipeline) -> None:
    pipe.load_components("vae")
    assert set(pipe.component_names) == {*pipe.pretrained_component_names, *pipe.config_component_names}
    assert "vae" not in pipe.null_component_names
    assert pipe.loaded_component_names == ["guider", "vae", "image_processor"]


def test_a_spec_has_two_names_for_its_origin_and_what_it_loads_keeps_it(tiny_folder: Path) -> None:
    spec = vae_spec(tiny_folder, description="pictures")
    assert spec.pretrained_model_name_or_path == spec.repo == str(tiny_folder)
    assert (spec.variant, spec.revision, spec.config, spec.default_creation_method) == (
        None,
        None,
        None,
        "from_pretrained",
    )
    assert spec.load()._diffusers_load_id == f"{tiny_folder}|vae|null|null"
    assert spec.load().config._name_or_path == str(tiny_folder)


def test_specs_create_and_describe(tiny_folder: Path) -> None:
    guider = ComponentSpec("guider", ClassifierFreeGuidance, config={}, default_creation_method="from_config")
    assert guider.create(guidance_scale=3.0).guidance_scale == 3.0
    vae = vae_spec(tiny_folder).load()
    assert ComponentSpec.from_component("vae", vae) == vae_spec(tiny_folder)
    with pytest.raises(ComponentError, match="of unknown origin"):
        ComponentSpec.from_component("vae", AutoencoderKL.from_config(vae.config))


def test_a_spec_that_is_asked_for_is_a_copy(pipe: ModularPipeline) -> None:
    pipe.get_component_spec("vae").repo = "elsewhere"
    assert pipe.get_component_spec("vae").repo != "elsewhere"


def test_components_are_replaced_by_objects_and_by_specs(pipe: ModularPipeline, tiny_folder: Path) -> None:
    vae = vae_spec(tiny_folder).load()
    pipe.update_components(
        vae=vae,
        guider=ComponentSpec(
            "guider", ClassifierFreeGuidance, config={"guidance_scale": 2.0}, default_creation_method="from_config"
        ),
    )
    assert pipe.vae is vae
    assert pipe.guider.guidance_scale == 2.0
    pipe.update_components(vae=vae_spec(tiny_folder))
    assert pipe.vae is None


def test_an_entry_of_the_index_has_three_parts(tiny_folder: Path, pipe: ModularPipeline) -> None:
    assert [len(pipe.index[name]) for name in pipe.pretrained_component_names] == [3] * 7
    assert pipe.index["vae"][:2] == [None, None]
    assert pipe.load_components("vae").index["vae"][:2] == ["diffusers", "AutoencoderKL"]


def test_a_manager_knows_what_it_holds() -> None:
    manager = ComponentsManager()
    component_id = manager.add("scheduler", EulerDiscreteScheduler(), collection="sdxl")
    assert manager.get_model_info(component_id)["class_name"] == "EulerDiscreteScheduler"
    assert component_id.startswith("scheduler_")
    manager.remove(component_id)
    with pytest.raises(ComponentError, match="There is no component"):
        manager.remove(component_id)


def test_components_are_found_by_pattern_and_by_name() -> None:
    manager = ComponentsManager()
    for name in ("unet", "vae"):
        manager.add(name, object())
    assert manager.get_one("un*") is manager.get_components_by_names(["unet"])["unet"]
    with pytest.raises(ComponentError, match="There is no component 'tokenizer'"):
        manager.get_components_by_names(["unet", "tokenizer"], strict=True)


def test_the_same_checkpoint_may_be_reused(tiny_folder: Path) -> None:
    manager = ComponentsManager()
    first = manager.add("vae", vae_spec(tiny_folder).load())
    assert manager.add("other", vae_spec(tiny_folder).load(), reuse=True) == first


def test_collections_name_who_uses_what(tiny_folder: Path) -> None:
    manager = ComponentsManager()
    for name in ("one", "two"):
        ModularPipeline.from_pretrained(str(tiny_folder), components_manager=manager, collection=name).load_components(
            "vae"
        )
    assert len(manager) == 1
    manager.remove_collection("one")
    assert len(manager) == 1
    manager.remove_collection("two")
    assert len(manager) == 0


def test_components_are_placed_within_a_budget_or_by_a_rule(tiny_folder: Path) -> None:
    manager, memory = ComponentsManager(), DeviceMemory()
    pipe = ModularPipeline.from_pretrained(str(tiny_folder), components_manager=manager).load_components()
    pipe.configure(progress=False)
    manager.enable_auto_cpu_offload(device="cpu", budget="1.4MB", memory=memory)
    pipe(**QUICK)
    late = UNet2DConditionModel.from_config(pipe.unet.config)
    pipe.update_components(unet=late)
    pipe(**QUICK)
    assert memory.peak <= 1_400_000
    manager.set_offload_strategy(lambda sizes, _short, _distance: list(sizes))
    pipe(**QUICK)
    assert memory.peak <= 1_400_000
