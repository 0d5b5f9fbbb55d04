"""Examples of diffusers' pages in their own words: the components manager."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import AutoModel
from peer_repositories import OTHER

from brickwork import ComponentError, ComponentsManager, ComponentSpec, ModularPipeline
from brickwork.modular_pipelines import SequentialPipelineBlocks
from brickwork.modular_pipelines.stable_diffusion_xl import TEXT2IMAGE_BLOCKS

pytestmark = pytest.mark.filterwarnings("ignore:.*local_dir_use_symlinks:UserWarning")


def test_components_are_registered_when_they_are_loaded() -> None:
    comp = ComponentsManager()
    pipe = ModularPipeline.from_pretrained("YiYiXu/modular-demo-auto", components_manager=comp, collection="test1")
    assert not comp.components
    pipe.load_components()
    assert len(comp.components) == len(pipe.pretrained_component_names)

    t2i_blocks = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)

    modular_repo_id = "YiYiXu/modular-loader-t2i-0704"
    components = ComponentsManager()
    t2i_pipeline = t2i_blocks.init_pipeline(modular_repo_id, components_manager=components)
    assert not components.components
    t2i_pipeline.load_components("vae")
    assert list(components.components.values()) == [t2i_pipeline.vae]


def test_a_second_pipeline_takes_what_is_loaded() -> None:
    comp = ComponentsManager()
    pipe = ModularPipeline.from_pretrained("YiYiXu/modular-demo-auto", components_manager=comp, collection="test1")
    pipe.load_components()
    pipe2 = ModularPipeline.from_pretrained("YiYiXu/modular-demo-auto", components_manager=comp, collection="test2")
    assert {"text_encoder", "unet", "vae", "scheduler"} <= set(pipe2.null_component_names)

    comp_dict = comp.get_components_by_names(names=pipe2.null_component_names)
    pipe2.update_components(**comp_dict)
    assert pipe2.null_component_names == []
    assert pipe2.unet is pipe.unet


def test_components_are_added_found_and_removed() -> None:
    comp = ComponentsManager()
    pipe = ModularPipeline.from_pretrained("YiYiXu/modular-demo-auto", components_manager=comp, collection="sdxl")
    pipe.load_components(["unet", "vae"])

    text_encoder = AutoModel.from_pretrained("stabilityai/stable-diffusion-xl-base-1.0", subfolder="text_encoder")
    component_id = comp.add("text_encoder", text_encoder)
    assert component_id.startswith("text_encoder_")
    assert component_id in repr(comp)

    component_dict = comp.get_components_by_names(names=["text_encoder", "unet", "vae"])
    assert component_dict == {"text_encoder": text_encoder, "unet": pipe.unet, "vae": pipe.vae}

    comp.remove(component_id)
    assert component_id not in repr(comp)

    assert comp.get_one(name="unet", collection="sdxl") is pipe.unet
    assert comp.get_one(name="unet*") is pipe.unet
    assert comp.get_one(name="!unet") is pipe.vae
    with pytest.raises(ComponentError, match=r"unet\|vae"):
        comp.get_one(name="unet|vae")


def test_a_second_copy_of_a_checkpoint_is_warned_of() -> None:
    from transformers import CLIPTextModel

    comp = ComponentsManager()

    # 为第一个文本编码器创建 ComponentSpec
    spec = ComponentSpec(
        name="text_encoder",
        repo="stabilityai/stable-diffusion-xl-base-1.0",
        subfolder="text_encoder",
        type_hint=AutoModel,
    )
    # 为重复的文本编码器创建 ComponentSpec（它是相同的检查点，来自相同的仓库/子文件夹）
    spec_duplicated = ComponentSpec(
        name="text_encoder_duplicated",
        repo="stabilityai/stable-diffusion-xl-base-1.0",
        subfolder="text_encoder",
        type_hint=CLIPTextModel,  # the page breaks this line within a word
    )

    # 加载并添加两个组件 - 管理器会检测到它们是同一个模型
    first = comp.add("text_encoder", spec.load())
    with pytest.warns(UserWarning, match="second copy") as warned:
        second = comp.add("text_encoder_duplicated", spec_duplicated.load())
    assert second.startswith("text_encoder_duplicated_")
    for part in (first, second, "remove("):
        assert part in str(warned[0].message)


def test_a_plain_load_is_added_too() -> None:
    comp = ComponentsManager()
    text_encoder_2 = AutoModel.from_pretrained("stabilityai/stable-diffusion-xl-base-1.0", subfolder="text_encoder")
    component_id = comp.add("text_encoder", text_encoder_2)
    assert comp.get_one(component_id=component_id) is text_encoder_2


def test_the_second_of_a_name_replaces_the_first_in_a_collection() -> None:
    comp = ComponentsManager()
    # 为第一个 UNet 创建 ComponentSpec
    spec = ComponentSpec(
        name="unet", repo="stabilityai/stable-diffusion-xl-base-1.0", subfolder="unet", type_hint=AutoModel
    )
    # 为另一个 UNet 创建 ComponentSpec
    spec2 = ComponentSpec(
        name="unet", repo="RunDiffusion/Juggernaut-XL-v9", subfolder="unet", type_hint=AutoModel, variant="fp16"
    )

    # 将两个 UNet 添加到同一个集合 - 第二个将替换第一个
    comp.add("unet", spec.load(), collection="sdxl")
    comp.add("unet", spec2.load(), collection="sdxl")
    found: Any = comp.get_one(name="unet", collection="sdxl")
    assert found._diffusers_load_id.startswith(OTHER)
    assert len(comp.collections["sdxl"]) == 1


def test_models_are_moved_when_they_are_needed() -> None:
    comp = ComponentsManager()
    pipe = ModularPipeline.from_pretrained("YiYiXu/modular-demo-auto", components_manager=comp, collection="test1")
    pipe.load_components()
    device = "cuda" if torch.cuda.is_available() else "cpu"  # eviction itself: tests/engine/execution/test_residency.py
    comp.enable_auto_cpu_offload(device=device)
    assert pipe.unet.device.type == "cpu"
    images = pipe(prompt="a cat", num_inference_steps=2, output="images")
    assert len(images) == 1
    comp.disable_auto_cpu_offload()
