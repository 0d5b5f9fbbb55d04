"""HunyuanVideo 1.5: repositories of both layouts open, and what differs from the classic pipelines."""

from __future__ import annotations

import copy
import inspect
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from coarse_images import picture
from diffusers.loaders import HunyuanVideoLoraLoaderMixin
from diffusers.pipelines.hunyuan_video1_5.pipeline_hunyuan_video1_5 import extract_glyph_texts
from family_rows import hunyuan_video_15 as rows
from family_table import cast, families
from peft import LoraConfig, get_peft_model
from peft.utils import get_peft_model_state_dict
from told_networks import Told

from brickwork import InputError, ModularPipeline, SequentialPipelineBlocks
from brickwork.families.video.hunyuan_video_15 import INSTRUCTION, glyphs
from brickwork.presets.hunyuan_video_15 import AUTO_BLOCKS

FAMILY = families()["hunyuan_video_15"]
CLASSICS = {
    "text2video": diffusers.HunyuanVideo15Pipeline,
    "image2video": diffusers.HunyuanVideo15ImageToVideoPipeline,
}
SHORT = {"num_inference_steps": 1}


def drawn_by_classic(task: str, parts: Any = None, **inputs: Any) -> torch.Tensor:
    classic = FAMILY.classic(FAMILY.tasks[task].classic, parts or FAMILY.parts("float32"))
    given = {**FAMILY.tasks[task].given, **SHORT, "output_type": "pt", **inputs}
    seeds = [7] if isinstance(given["prompt"], str) else [7, 8]
    drawn: torch.Tensor = FAMILY.drawn_by(
        classic, {**given, "generator": [torch.Generator().manual_seed(seed) for seed in seeds]}
    )
    return drawn


def drawn(task: str, **inputs: Any) -> torch.Tensor:
    made: torch.Tensor = FAMILY.draw(task, batching="sequential", **{**SHORT, **inputs})
    return made


@pytest.mark.parametrize("task", CLASSICS)
def test_a_repository_of_either_layout_draws_what_the_classic_draws(task: str, tmp_path: Path) -> None:
    # With the second text's projection as wide as its class makes it.
    parts = {**FAMILY.parts("float32"), "transformer": cast(rows.transformer(), "float32")}
    FAMILY.classic(CLASSICS[task], parts).save_pretrained(tmp_path / "classic")
    opened = ModularPipeline.from_pretrained(str(tmp_path / "classic")).load_components()
    opened.save_pretrained(tmp_path / "saved")
    again = ModularPipeline.from_pretrained(str(tmp_path / "saved")).load_components()
    given = {**FAMILY.tasks[task].given, **SHORT, "prompt": "a red circle", "negative_prompt": "blue"}
    expected = drawn_by_classic(task, parts, **given)
    for pipe in (opened, again):
        assert pipe.guider.guidance_scale == 4.0
        pipe.blocks.sub_blocks.replace(
            "denoise.denoiser", type(pipe.blocks.sub_blocks["denoise"].sub_blocks["denoiser"])(batching="sequential")
        )
        pipe.configure(progress=False)
        state = pipe(**given, output_type="pt", seed=7)
        assert torch.equal(state.videos, expected)
        assert state.frame_rate == 24.0


def test_the_language_model_is_told_what_it_was_trained_with() -> None:
    told = inspect.signature(diffusers.HunyuanVideo15Pipeline._get_mllm_prompt_embeds).parameters["system_message"]
    assert told.default == INSTRUCTION


@pytest.mark.parametrize(
    "text", ["a", "", '"x" and “y”, "x" again', 'nothing: ""', '"open', '“”"b"', '"two\nlines"', '{"a": 1}']
)
def test_what_is_quoted_is_what_the_classic_finds(text: str) -> None:
    assert glyphs(text) == (extract_glyph_texts(text) or "")


def test_what_is_quoted_in_one_text_is_not_said_of_another() -> None:
    state = FAMILY.ready("text2video")(**{**FAMILY.tasks["text2video"].given, **SHORT, "seed": 7})
    embeds, counted = state.prompt_embeds_2, state.prompt_embeds_mask_2
    assert not embeds[0].any()
    assert not counted[0].any()
    assert embeds[1].any()
    # Bytes, and the token of the end.
    assert int(counted[1].sum()) == len('Text "Open". Text "24 h". ') + 1


def test_two_videos_at_once_are_decoded_by_a_vae_that_fails_with_two() -> None:
    parts = FAMILY.parts("float32")
    vae = copy.deepcopy(parts["vae"])
    vae.disable_slicing()
    with pytest.raises(RuntimeError, match="broadcast shape"):
        drawn_by_classic("text2video", {**parts, "vae": vae})
    pipe = FAMILY.ready("text2video", "sequential")
    pipe.update_components(vae=vae)
    given = {**FAMILY.tasks["text2video"].given, **SHORT, "output_type": "pt", "seed": 7}
    assert torch.equal(pipe(**given, output="videos"), drawn_by_classic("text2video"))


@pytest.mark.parametrize("task", CLASSICS)
def test_several_videos_of_a_prompt_are_those_of_as_many_prompts(task: str) -> None:
    """The classic of text to video fails: it says that no image is seen in one row for each prompt."""
    one = {"prompt": 'a board with "Open"', "negative_prompt": "blue"}
    several = drawn(task, **one, num_images_per_prompt=2, seed=[1, 2])
    apart = drawn(task, **{name: [text] * 2 for name, text in one.items()}, seed=[1, 2])
    assert torch.equal(several, apart)
    if task == "text2video":
        classic = FAMILY.classic(FAMILY.tasks[task].classic, FAMILY.parts("float32"))
        with pytest.raises(RuntimeError, match="is invalid for input of size"):
            classic(**{**FAMILY.tasks[task].given, **SHORT, **one, "num_videos_per_prompt": 2})


def test_an_image_is_cropped_to_a_size_of_the_training_or_to_the_one_that_is_asked_for() -> None:
    wide = picture(3, 64).resize((96, 30))
    assert drawn("image2video", image=wide).shape[-2:] == (16, 48)
    asked = drawn("image2video", image=wide, height=32, width=16)
    assert asked.shape[-2:] == (32, 16)
    # Cropped, and not squeezed: what lies at its ends is not seen.
    pixels = np.asarray(wide).copy()
    pixels[:, :30] = pixels[:, 66:] = 0
    assert torch.equal(drawn("image2video", image=pixels, height=32, width=16), asked)
    assert not torch.equal(drawn("image2video", image=pixels), drawn("image2video", image=wide))
    with pytest.raises(InputError, match="height is 24; it must be a multiple of 16"):
        drawn("image2video", height=24, width=16)


@pytest.mark.parametrize(("of_vae", "others"), [("float32", "bfloat16"), ("bfloat16", "float32")])
def test_a_vae_of_another_number_format_encodes_the_image_as_in_the_classic(of_vae: str, others: str) -> None:
    """Its latents are scaled before they are rounded to the denoiser's format."""
    parts = {**FAMILY.parts(others), "vae": FAMILY.parts(of_vae)["vae"]}
    pipe = FAMILY.ready("image2video", "sequential")
    pipe.update_components(**{name: each for name, each in parts.items() if name in pipe.component_names})
    given = {**FAMILY.tasks["image2video"].given, **SHORT, "output_type": "pt", "seed": [7, 8]}
    assert torch.equal(pipe(**given, output="videos"), drawn_by_classic("image2video", parts))


def test_each_prompt_has_an_image_of_its_own() -> None:
    images = [picture(3, 32), picture(4, 32)]
    both = drawn("image2video", image=images, seed=[1, 2])
    for place, image in enumerate(images):
        texts = {name: FAMILY.tasks["image2video"].given[name][place] for name in ("prompt", "negative_prompt")}
        alone = drawn("image2video", image=image, seed=place + 1, **texts)
        assert float((alone[0] - both[place]).abs().max()) < 1e-4


def test_without_an_encoder_of_images_it_is_told_the_first_frame_alone() -> None:
    told = Told()
    pipe = FAMILY.ready("image2video")
    seeing = pipe.components["image_encoder"]
    pipe.update_components(image_encoder=None)
    try:
        with told.of(pipe.transformer):
            pipe(**{**FAMILY.tasks["image2video"].given, **SHORT, "seed": 7})
    finally:
        pipe.update_components(image_encoder=seeing)
    assert not told.denoiser[0]["image_embeds"].any()
    beside = told.denoiser[0]["hidden_states"][:, 4:]
    assert beside[:, :, 0].any()
    assert not beside[:, :, 1:].any()
    assert (beside[:, 4, 0] == 1).all()


def test_a_lora_is_that_of_the_modular_pipeline_of_diffusers(tmp_path: Path) -> None:
    """Its classics take none; what is compared has the layers in the network itself."""
    parts = copy.deepcopy(FAMILY.parts("float32"))
    made = get_peft_model(
        copy.deepcopy(parts["transformer"]),
        LoraConfig(r=4, lora_alpha=8, target_modules=["to_q", "to_k"], init_lora_weights=False),
    )
    layers = {key.removeprefix("base_model.model."): each for key, each in get_peft_model_state_dict(made).items()}
    said = {"transformer_lora_adapter_metadata": made.peft_config["default"].to_dict()}
    HunyuanVideoLoraLoaderMixin.save_lora_weights(tmp_path, transformer_lora_layers=layers, **said)
    parts["transformer"].load_lora_adapter(tmp_path, weight_name="pytorch_lora_weights.safetensors")
    expected = drawn_by_classic("text2video", parts)
    pipe = FAMILY.ready("text2video", "sequential")
    pipe.load_lora_weights(str(tmp_path))
    try:
        taught = drawn("text2video")
    finally:
        pipe.unload_lora_weights()
    assert torch.equal(taught, expected)
    assert not torch.equal(drawn("text2video"), taught)


def test_a_video_or_an_image_asks_for_its_task() -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict(AUTO_BLOCKS).init_pipeline()
    pipe.update_components(
        **{name: each for name, each in FAMILY.parts("float32").items() if name in pipe.component_names}
    )
    pipe.configure(progress=False)
    for task in FAMILY.tasks:
        given = {**FAMILY.tasks[task].given, "output_type": "pt", "seed": 7, "num_inference_steps": 2}
        alone = FAMILY.draw(task, num_inference_steps=2)
        assert torch.equal(pipe(**given, output="videos"), alone)
