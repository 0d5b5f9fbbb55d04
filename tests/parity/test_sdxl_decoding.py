"""Other ways to decode: in slices and tiles, with a tiny decoder, in half precision, and not at all."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from coarse_images import picture
from diffusers import AutoencoderKL, AutoencoderTiny

from brickwork import ModularPipeline, SequentialPipelineBlocks
from brickwork.presets.sdxl import IMAGE2IMAGE_BLOCKS, TEXT2IMAGE_BLOCKS

TASKS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "text2image": (TEXT2IMAGE_BLOCKS, diffusers.StableDiffusionXLPipeline, {"height": 64, "width": 96}),
    "image2image": (
        IMAGE2IMAGE_BLOCKS,
        diffusers.StableDiffusionXLImg2ImgPipeline,
        {"image": picture(3), "strength": 0.8},
    ),
}


def own_vae(tiny_pipe: ModularPipeline, **changes: Any) -> AutoencoderKL:
    """A VAE of the test's own, which it may change."""
    config = {name: value for name, value in tiny_pipe.vae.config.items() if not name.startswith("_")}
    made = AutoencoderKL(**{**config, **changes})
    made.load_state_dict(tiny_pipe.vae.state_dict())
    return made.eval()


def tiny_decoder() -> AutoencoderTiny:
    torch.manual_seed(3)
    widths = (8, 8, 8, 8)
    return AutoencoderTiny(
        encoder_block_out_channels=widths, decoder_block_out_channels=widths, num_encoder_blocks=(1, 1, 1, 1),
        num_decoder_blocks=(1, 1, 1, 1),
    ).eval()  # fmt: skip


def both(task: str, vae: Any, tiny_folder: Path, tiny_pipe: ModularPipeline, **inputs: Any) -> tuple[Any, Any]:
    blocks, classic_class, given = TASKS[task]
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline(str(tiny_folder))
    parts = {**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names}, "vae": vae}
    pipe.update_components(**parts)
    pipe.configure(progress=False)
    classic = classic_class(**parts, add_watermarker=False)
    classic.set_progress_bar_config(disable=True)
    asked = {
        "prompt": "a cat",
        "num_inference_steps": 3,
        "guidance_scale": 5.0,
        "num_images_per_prompt": 2,
        **given,
        **inputs,
    }
    mine = pipe(**asked, output_type="pt", generator=torch.Generator().manual_seed(7), output="images")
    return mine, classic(**asked, output_type="pt", generator=torch.Generator().manual_seed(7)).images


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("how", ["plain", "slices", "tiles", "tiny"])
def test_decoded_as_in_the_classic_pipeline(how: str, task: str, tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    vae: Any = tiny_decoder() if how == "tiny" else own_vae(tiny_pipe, sample_size=32)
    if how == "slices":
        vae.enable_slicing()
    if how == "tiles":
        vae.enable_tiling()
    mine, expected = both(task, vae, tiny_folder, tiny_pipe)
    assert torch.equal(mine, expected)


def test_tiles_are_made_and_differ_at_their_edges_alone(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    plain, tiled = own_vae(tiny_pipe, sample_size=32), own_vae(tiny_pipe, sample_size=32)
    tiled.enable_tiling()
    one, _ = both("text2image", plain, tiny_folder, tiny_pipe)
    other, _ = both("text2image", tiled, tiny_folder, tiny_pipe)
    assert one.shape == other.shape
    assert not torch.equal(one, other)


@pytest.mark.parametrize("upcast", [True, False])
def test_half_precision_is_left_for_decoding_where_the_vae_says_that_it_overflows(
    upcast: bool, tiny_pipe: ModularPipeline
) -> None:
    vae = own_vae(tiny_pipe, force_upcast=upcast).half()
    seen: list[torch.dtype] = []
    vae.decoder.register_forward_pre_hook(lambda _, args: seen.append(args[0].dtype))
    tiny_pipe.update_components(vae=vae)
    tiny_pipe(prompt="a cat", num_inference_steps=1, height=64, width=64, output="images", output_type="pt")
    assert seen == [torch.float32 if upcast else torch.float16]
    assert vae.dtype == torch.float16, "it is as before"


@pytest.mark.parametrize("upcast", [True, False])
def test_each_model_of_several_dtypes_runs_in_its_own(
    upcast: bool, tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    """The classic brings a VAE that overflows to the dtype of the text encoders, and cannot run another."""
    blocks, classic_class, given = TASKS["image2image"]
    vae = own_vae(tiny_pipe, force_upcast=upcast)
    parts = {name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names}
    halves = {name: copy.deepcopy(parts[name]).bfloat16() for name in ("unet", "text_encoder", "text_encoder_2")}
    parts |= {**halves, "vae": vae}
    seen: list[torch.dtype] = []
    for part in (vae.encoder, vae.decoder):
        part.register_forward_pre_hook(lambda _, args: seen.append(args[0].dtype))
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline(str(tiny_folder))
    pipe.update_components(**parts)
    pipe.configure(progress=False)
    asked = {"prompt": "a cat", "num_inference_steps": 2, "output_type": "pt", **given}
    pipe(**asked, output="images")
    assert seen == [torch.float32, torch.float32]
    assert vae.dtype == torch.float32
    classic = classic_class(**parts, add_watermarker=False)
    classic.set_progress_bar_config(disable=True)
    if upcast:
        classic(**asked)
        assert vae.dtype == torch.bfloat16
    else:
        with pytest.raises(RuntimeError, match="dtype|type"):
            classic(**asked)
