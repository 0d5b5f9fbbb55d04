"""Examples of diffusers' pages in their own words: pipelines and their components.

Imports say brickwork, "cuda" is a device that is there, and pictures are files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionXLPipeline
from hub_server import Hub
from peer_repositories import BASE, OTHER, Files
from PIL import Image
from safetensors.torch import load

from brickwork import ComponentsManager, ComponentSpec, ModularPipeline, TrustError, load_image
from brickwork.modular_pipelines import ModularPipelineBlocks, SequentialPipelineBlocks
from brickwork.modular_pipelines.stable_diffusion_xl import IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS, TEXT2IMAGE_BLOCKS

device = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture
def t2i_pipeline() -> ModularPipeline:
    t2i_blocks = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
    return t2i_blocks.init_pipeline("YiYiXu/modular-loader-t2i-0704")


def test_text_to_image_draws_and_repeats() -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)

    modular_repo_id = "YiYiXu/modular-loader-t2i-0704"
    pipeline = blocks.init_pipeline(modular_repo_id)

    pipeline.load_components(torch_dtype=torch.float32)
    pipeline.to(device)

    def image(**generator: Any) -> Image.Image:
        return pipeline(
            prompt="Astronaut in a jungle, cold color palette, muted colors, detailed, 8k", output="images", **generator
        )[0]

    image().save("modular_t2i_out.png")
    size = pipeline.unet.config.sample_size * 8
    assert load_image("modular_t2i_out.png").size == (size, size)
    first, second = (image(generator=torch.Generator().manual_seed(0)) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    classic = StableDiffusionXLPipeline(
        **{name: pipeline.components[name] for name in pipeline.pretrained_component_names}, add_watermarker=False
    )
    prompt = "Astronaut in a jungle, cold color palette, muted colors, detailed, 8k"
    theirs = classic(prompt, guidance_scale=7.5, generator=torch.Generator().manual_seed(0)).images[0]
    assert first.tobytes() == theirs.tobytes()


def test_image_to_image_starts_from_a_picture() -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict(IMAGE2IMAGE_BLOCKS)

    modular_repo_id = "YiYiXu/modular-loader-t2i-0704"
    pipeline = blocks.init_pipeline(modular_repo_id)

    pipeline.load_components(torch_dtype=torch.float32)
    pipeline.to(device)

    url = "sdxl-text2img.png"
    init_image = load_image(url)  # the page forgets to import it
    prompt = "a dog catching a frisbee in the jungle"
    image = pipeline(prompt=prompt, image=init_image, strength=0.8, output="images")[0]
    image.save("modular_i2i_out.png")
    assert image.size == init_image.size
    assert len(pipeline(prompt=prompt, image=init_image, strength=0.8, output="timesteps")) == int(50 * 0.8)


def test_inpainting_draws() -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict(INPAINT_BLOCKS)

    modular_repo_id = "YiYiXu/modular-loader-t2i-0704"
    pipeline = blocks.init_pipeline(modular_repo_id)

    pipeline.load_components(torch_dtype=torch.float32)
    pipeline.to(device)

    img_url = "sdxl-text2img.png"
    mask_url = "sdxl-inpaint-mask.png"  # the page breaks this line within a word

    init_image = load_image(img_url)
    mask_image = load_image(mask_url)

    prompt = "A deep sea diver floating"
    image = pipeline(prompt=prompt, image=init_image, mask_image=mask_image, strength=0.85, output="images")[0]
    image.save("moduar_inpaint_out.png")
    found = pipeline(
        prompt=prompt, image=init_image, mask_image=mask_image, strength=0.85, output=["latents", "image_latents"]
    )
    change = (found["latents"] - found["image_latents"]).abs()
    assert not change[..., :4].any()
    assert change[..., 4:].mean() > 0.5


def test_pipelines_are_made_and_nothing_is_loaded() -> None:
    t2i_blocks = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)

    modular_repo_id = "YiYiXu/modular-loader-t2i-0704"
    components = ComponentsManager()
    t2i_pipeline = t2i_blocks.init_pipeline(modular_repo_id, components_manager=components)
    assert t2i_pipeline.unet is None
    assert not components.components

    components = ComponentsManager()
    pipeline = ModularPipeline.from_pretrained("YiYiXu/modular-loader-t2i-0704", components_manager=components)
    assert pipeline.null_component_names == pipeline.pretrained_component_names
    assert not components.components

    components = ComponentsManager()
    modular_repo_id = "YiYiXu/modular-diffdiff-0704"
    with pytest.raises(TrustError, match="brings code of its own"):
        ModularPipeline.from_pretrained(modular_repo_id, components_manager=components)
    diffdiff_pipeline = ModularPipeline.from_pretrained(
        modular_repo_id, trust_remote_code=True, components_manager=components
    )
    assert type(diffdiff_pipeline.blocks).__name__ == "DiffDiffBlocks"
    assert not components.components


def test_all_components_are_loaded_at_once(t2i_pipeline: ModularPipeline) -> None:
    t2i_pipeline.load_components(torch_dtype=torch.float16)
    t2i_pipeline.to(device)
    assert t2i_pipeline.null_component_names == []
    assert t2i_pipeline.unet.dtype == t2i_pipeline.vae.dtype == torch.float16
    assert t2i_pipeline.unet.device.type == device


def test_only_what_is_named_is_loaded(t2i_pipeline: ModularPipeline) -> None:
    t2i_pipeline.load_components(names=["unet", "vae"], torch_dtype=torch.float16)
    assert t2i_pipeline.loaded_component_names == ["guider", "unet", "vae", "image_processor"]
    assert t2i_pipeline.unet.dtype == torch.float16


def test_the_pipeline_shows_its_index(t2i_pipeline: ModularPipeline, repos: dict[str, Files]) -> None:
    shown = t2i_pipeline.index
    saved = json.loads(repos["YiYiXu/modular-loader-t2i-0704"]["modular_model_index.json"])
    components = [name for name in saved if not name.startswith("_")]
    assert sorted(components) == sorted(name for name in shown if isinstance(shown[name], list))
    for name in components:
        where = shown[name][2]
        assert where["pretrained_model_name_or_path"] == saved[name][2]["repo"]
        assert where["subfolder"] == saved[name][2]["subfolder"]
    auto = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline("YiYiXu/modular-demo-auto")
    assert "controlnet" not in str(auto)
    assert "controlnet" not in auto.index


def test_the_index_is_edited_by_hand(there: Hub, repos: dict[str, Files]) -> None:
    repo = there.repos["YiYiXu/modular-loader-t2i-0704"]
    index = json.loads(repo.files["modular_model_index.json"])
    edited = """
"unet": [
  null, null,
  {
    "repo": "RunDiffusion/Juggernaut-XL-v9",
    "subfolder": "unet",
    "variant": "fp16"
  }
]
"""
    index |= json.loads("{" + edited + "}")
    repo.commit({"modular_model_index.json": json.dumps(index).encode()})
    blocks = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
    pipeline = blocks.init_pipeline("YiYiXu/modular-loader-t2i-0704").load_components("unet")
    assert ComponentSpec.decode_load_id(pipeline.unet._diffusers_load_id)["pretrained_model_name_or_path"] == OTHER
    expected = load(repos[OTHER]["unet/diffusion_pytorch_model.fp16.safetensors"])["conv_in.weight"]
    assert torch.equal(pipeline.unet.conv_in.weight, expected.float())


def test_the_lists_of_component_names_are_those_of_the_page(t2i_pipeline: ModularPipeline) -> None:
    t2i_pipeline.load_components(["unet", "vae"])
    encoders = ["text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2"]
    assert sorted(t2i_pipeline.component_names) == sorted(
        [*encoders, "guider", "scheduler", "unet", "vae", "image_processor"]
    )
    assert sorted(t2i_pipeline.null_component_names) == sorted([*encoders, "scheduler"])
    assert sorted(t2i_pipeline.pretrained_component_names) == sorted([*encoders, "scheduler", "unet", "vae"])
    assert t2i_pipeline.config_component_names == ["guider", "image_processor"]


def test_specs_load_update_and_describe(t2i_pipeline: ModularPipeline) -> None:
    from diffusers import UNet2DConditionModel

    unet_spec = ComponentSpec(
        name="unet",
        type_hint=UNet2DConditionModel,
        repo="stabilityai/stable-diffusion-xl-base-1.0",
        subfolder="unet",
        variant="fp16",
    )
    unet: Any = unet_spec.load(torch_dtype=torch.float16)
    assert unet.dtype == torch.float16
    assert unet._diffusers_load_id == f"{BASE}|unet|fp16|null"

    unet2: Any = ComponentSpec(
        "unet", UNet2DConditionModel, repo=OTHER, subfolder="unet"
    ).load()  # the page has no unet2
    t2i_pipeline.update_components(unet=unet2)
    assert t2i_pipeline.unet is unet2
    assert t2i_pipeline.index["unet"][2]["pretrained_model_name_or_path"] == OTHER

    spec = ComponentSpec.from_component("unet", unet2)
    unet2_recreated: Any = spec.load(torch_dtype=torch.float32)
    assert spec.load_id == f"{OTHER}|unet|null|null"
    assert torch.equal(unet2_recreated.conv_in.weight, unet2.conv_in.weight)


def test_the_spec_of_a_component_is_a_copy(t2i_pipeline: ModularPipeline) -> None:
    unet_spec = t2i_pipeline.get_component_spec("unet")
    unet_spec.repo = "RunDiffusion/Juggernaut-XL-v9"
    unet: Any = unet_spec.load(torch_dtype=torch.float16)
    assert unet._diffusers_load_id.startswith(OTHER)
    assert t2i_pipeline.get_component_spec("unet").repo == BASE


def test_a_repository_has_code_its_config_and_an_index(repos: dict[str, Files], tmp_path: Path) -> None:
    assert sorted(repos["YiYiXu/modular-diffdiff-0704"]) == ["block.py", "config.json", "modular_model_index.json"]
    pipeline = ModularPipeline.from_pretrained("YiYiXu/modular-diffdiff-0704", trust_remote_code=True)
    blocks: ModularPipelineBlocks = pipeline.blocks["prepare_latents"]
    assert type(blocks).__name__ == "SDXLDiffDiffPrepareLatentsStep"
    assert "diffdiff_map" in pipeline.blocks.input_names
