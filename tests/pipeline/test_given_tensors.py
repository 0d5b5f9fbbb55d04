"""Tensors, dtypes, schedules and limits of encoders that a call meets: as in the classic pipeline, or refused before the run."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from typing import Any

import diffusers
import pytest
import torch
from tiny_adapters import controlnet, image_encoder, ip_adapter, ip_adapter_plus
from toy_blocks import chain, seeded

from brickwork import InputError, ModularPipeline
from brickwork.presets.sdxl import IP_ADAPTER_BLOCKS, TEXT2IMAGE_BLOCKS, with_control, with_refiner
from tiny_sdxl import make_unet, tokenizer

Classic = diffusers.StableDiffusionXLPipeline
STEPS: dict[str, Any] = {"num_inference_steps": 2, "guidance_scale": 5.0, "output_type": "latent"}
NAMES = ("prompt_embeds", "pooled_prompt_embeds", "negative_prompt_embeds", "negative_pooled_prompt_embeds")


def drawn(pipe: ModularPipeline, **inputs: Any) -> torch.Tensor:
    found: torch.Tensor = pipe(**{**STEPS, **inputs}, generator=seeded(7), output="images")
    return found


def of_classic(classic: Classic, **inputs: Any) -> torch.Tensor:
    found: torch.Tensor = classic(**{**STEPS, **inputs}, generator=seeded(7)).images
    return found


@pytest.fixture
def embeds() -> dict[str, torch.Tensor]:
    """What encoders might say of two texts."""
    source = seeded(1)
    shapes = ((1, 16, 40), (1, 24)) * 2
    return {name: torch.randn(shape, generator=source) for name, shape in zip(NAMES, shapes, strict=True)}


def with_dtypes(pipe: ModularPipeline, **dtypes: torch.dtype) -> ModularPipeline:
    """The pipeline with copies of its models, in other dtypes."""
    pipe.update_components(**{name: copy.deepcopy(pipe.components[name]).to(dtype) for name, dtype in dtypes.items()})
    return pipe


def classic_of(classic: Classic, pipe: ModularPipeline) -> Classic:
    """The classic pipeline over the models of another."""
    names = [name for name in classic.components if name in pipe.components]
    made = Classic(**{name: pipe.components[name] for name in names}, add_watermarker=False)
    made.set_progress_bar_config(disable=True)
    return made


def refused(pipe: ModularPipeline, **inputs: Any) -> str:
    """What is said of a call, before any block has run."""
    started: list[Any] = []
    pipe.configure(listeners=[started.append])
    with pytest.raises(InputError) as caught:
        drawn(pipe, **inputs)
    assert not [event for event in started if type(event).__name__ == "BlockStarted"], "a block had run"
    return str(caught.value)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_embeddings_of_another_dtype_are_cast_as_the_classic_casts_them(
    dtype: torch.dtype, tiny_pipe: ModularPipeline, classic: Classic, embeds: dict[str, torch.Tensor]
) -> None:
    given = {name: value.to(dtype) for name, value in embeds.items()}
    assert torch.equal(drawn(tiny_pipe, **given), of_classic(classic, **given))


def test_each_embedding_may_be_in_a_dtype_of_its_own(
    tiny_pipe: ModularPipeline, classic: Classic, embeds: dict[str, torch.Tensor]
) -> None:
    dtypes = (torch.float16, torch.float32, torch.bfloat16, torch.float64)
    given = {name: embeds[name].to(dtype) for name, dtype in zip(NAMES, dtypes, strict=True)}
    assert torch.equal(drawn(tiny_pipe, **given), of_classic(classic, **given))


def test_embeddings_in_float32_are_cast_to_models_in_half(
    tiny_pipe: ModularPipeline, classic: Classic, embeds: dict[str, torch.Tensor]
) -> None:
    half = dict.fromkeys(("unet", "text_encoder", "text_encoder_2"), torch.bfloat16)
    pipe = with_dtypes(tiny_pipe, **half)
    ours = drawn(pipe, **embeds)
    assert ours.dtype == torch.bfloat16
    assert torch.equal(ours, of_classic(classic_of(classic, pipe), **embeds))


def test_a_text_encoder_of_another_dtype_works_as_in_the_classic(tiny_pipe: ModularPipeline, classic: Classic) -> None:
    pipe = with_dtypes(tiny_pipe, text_encoder_2=torch.bfloat16, unet=torch.bfloat16)
    ours = drawn(pipe, prompt="a cat", negative_prompt="a square")
    assert torch.equal(ours, of_classic(classic_of(classic, pipe), prompt="a cat", negative_prompt="a square"))


@pytest.mark.parametrize("text", [torch.float16, torch.float32])
def test_what_encoders_say_is_cast_to_the_denoisers_dtype(text: torch.dtype, tiny_pipe: ModularPipeline) -> None:
    unet = torch.float32 if text == torch.float16 else torch.bfloat16
    pipe = with_dtypes(tiny_pipe, text_encoder=text, text_encoder_2=text, unet=unet)
    embeds = pipe(**STEPS, prompt="a cat", generator=seeded(7)).values["prompt_embeds"]
    assert embeds.dtype == unet


def test_a_vae_may_be_in_another_dtype(tiny_pipe: ModularPipeline) -> None:
    vae = torch.bfloat16
    pipe = with_dtypes(tiny_pipe, vae=vae)
    latents = drawn(pipe, prompt="a cat")
    pixels = drawn(pipe, prompt="a cat", output_type="pt")
    decoded = pipe.vae.decode(latents.to(vae) / pipe.vae.config.scaling_factor, return_dict=False)[0]
    assert torch.equal(pixels, (decoded * 0.5 + 0.5).clamp(0, 1).float())


@pytest.mark.parametrize("weights", [ip_adapter, ip_adapter_plus])
def test_embeddings_of_images_are_cast(
    weights: Callable[..., Any], tiny_pipe: ModularPipeline, tiny_folder: Any
) -> None:
    pipe = chain(**IP_ADAPTER_BLOCKS, **TEXT2IMAGE_BLOCKS).init_pipeline(str(tiny_folder))
    parts = {name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names}
    pipe.update_components(**{**parts, "unet": copy.deepcopy(tiny_pipe.unet), "image_encoder": image_encoder()})
    pipe.configure(progress=False)
    pipe.load_ip_adapter(weights(pipe.unet))
    shape = (2, 1, 24) if weights is ip_adapter else (2, 1, 17, 16)
    given = torch.randn(shape, generator=seeded(3)).half()
    ours = drawn(pipe, prompt="a cat", ip_adapter_image_embeds=[given])
    assert torch.equal(ours, drawn(pipe, prompt="a cat", ip_adapter_image_embeds=[given.float()]))


def test_a_controlnet_of_another_dtype_is_found_before_the_run(tiny_pipe: ModularPipeline, tiny_folder: Any) -> None:
    pipe = chain(**with_control(TEXT2IMAGE_BLOCKS)).init_pipeline(str(tiny_folder))
    parts = {name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names}
    pipe.update_components(**parts, controlnet=controlnet(tiny_pipe.unet))
    picture = torch.rand(1, 3, 128, 128, generator=seeded(1))
    assert drawn(pipe, prompt="a cat", control_image=picture).isfinite().all()
    pipe.controlnet.to(torch.bfloat16)  # in place: the same object is looked at again
    said = refused(pipe, prompt="a cat", control_image=picture)
    for words in ("unet in float32", "controlnet in bfloat16", "pipe.to(dtype=", "load_components(dtype="):
        assert words in said


def test_a_second_denoiser_of_another_dtype_is_found_before_the_run(
    tiny_pipe: ModularPipeline, tiny_folder: Any
) -> None:
    pipe = chain(**with_refiner(TEXT2IMAGE_BLOCKS)).init_pipeline(str(tiny_folder))
    parts = {name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names}
    refiner = make_unet(cross_attention_dim=24, projection_class_embeddings_input_dim=24 + 5 * 8)
    pipe.update_components(**parts, refiner=refiner)
    assert drawn(pipe, prompt="a cat", num_inference_steps=5).isfinite().all()
    pipe.update_components(refiner=refiner.to(torch.bfloat16))
    said = refused(pipe, prompt="a cat", num_inference_steps=5)
    assert "unet in float32" in said
    assert "refiner in bfloat16" in said


SHAPES = [
    ("latents", (4, 16, 16), ("latents", "Tensor[b c h w]", "[4, 16, 16]")),
    ("latents", (1, 16, 16, 4), ("latents", "[1, 16, 16, 4]", "needs [1, 4, 16, 16]")),
    ("latents", (2, 4, 16, 16), ("latents", "[2, 4, 16, 16]", "1 image needs")),
    ("latents", (1, 4, 8, 8), ("latents", "[1, 4, 8, 8]", "needs [1, 4, 16, 16]")),
    ("prompt_embeds", (16, 40), ("prompt_embeds", "Tensor[b tokens width]", "[16, 40]")),
    ("prompt_embeds", (1, 16, 41), ("prompt_embeds", "41", "unet", "40")),
    ("prompt_embeds", (0, 16, 40), ("prompt_embeds", "[0, 16, 40]")),
    ("negative_prompt_embeds", (1, 15, 40), ("negative_prompt_embeds", "tokens", "15", "16")),
    ("negative_prompt_embeds", (1, 16, 39), ("negative_prompt_embeds", "39", "40")),
    ("pooled_prompt_embeds", (1, 1, 24), ("pooled_prompt_embeds", "Tensor[b pooled]", "[1, 1, 24]")),
    ("pooled_prompt_embeds", (1, 25), ("pooled_prompt_embeds", "25", "72")),
]


def test_a_wrong_shape_is_said_before_the_run(tiny_pipe: ModularPipeline, embeds: dict[str, Any]) -> None:
    for name, shape, says in SHAPES:
        inputs = {"prompt": "a cat", "height": 128, "width": 128} if name == "latents" else embeds
        said = refused(tiny_pipe, **{**inputs, name: torch.zeros(shape)})
        assert not [words for words in says if words not in said], said


def test_whole_numbers_are_no_embeddings(tiny_pipe: ModularPipeline, embeds: dict[str, torch.Tensor]) -> None:
    said = refused(tiny_pipe, **{**embeds, "prompt_embeds": torch.ones(1, 16, 40, dtype=torch.int64)})
    assert "prompt_embeds" in said
    assert "float numbers" in said


SCHEDULES = [
    (diffusers.DDIMScheduler, {"num_inference_steps": 1000}, ("num_inference_steps=1000", "the timestep 1000", "steps_offset=1")),
    (diffusers.PNDMScheduler, {"num_inference_steps": 1000}, ("num_inference_steps=1000", "steps_offset=1")),
    (diffusers.DDIMScheduler, {"num_inference_steps": 1001}, ("num_inference_steps is 1001", "num_train_timesteps=1000")),
    (diffusers.LCMScheduler, {"num_inference_steps": 60}, ("num_inference_steps=60", "original_steps")),
    (diffusers.EulerDiscreteScheduler, {"num_inference_steps": 1001}, ("num_inference_steps is 1001", "EulerDiscreteScheduler has num_train_timesteps=1000", "at most 1000")),
    (diffusers.DPMSolverMultistepScheduler, {"num_inference_steps": 1000}, ("'leading'", "999")),
    (diffusers.EulerDiscreteScheduler, {"timesteps": [1200, 500, 1]}, ("timesteps", "1200", "num_train_timesteps=1000")),
    (diffusers.DDPMScheduler, {"timesteps": [1000, 500, 1]}, ("timesteps", "1000", "num_train_timesteps=1000")),
    (diffusers.EulerDiscreteScheduler, {"timesteps": [10, 500, 999]}, ("timesteps", "10", "500", "highest first")),
    (diffusers.EulerDiscreteScheduler, {"timesteps": [500, 500, 1]}, ("timesteps", "500", "highest first")),
]  # fmt: skip


def test_a_schedule_that_cannot_be_run_is_said(tiny_pipe: ModularPipeline) -> None:
    pipe = chain(steps=tiny_pipe.blocks.sub_blocks["set_timesteps"]).init_pipeline()
    for cls, inputs, says in SCHEDULES:
        pipe.update_components(scheduler=cls.from_config(tiny_pipe.scheduler.config, skip_prk_steps=True))
        with pytest.raises(InputError) as caught:
            pipe(**inputs)
        said = str(caught.value)
        assert not [words for words in says if words not in said], said


def test_a_schedule_of_all_timesteps_works_where_the_classic_does(tiny_pipe: ModularPipeline) -> None:
    """Euler looks its noise up between timesteps, so the one past the last is the last."""
    block = tiny_pipe.blocks.sub_blocks["set_timesteps"]
    state = chain(steps=block).init_pipeline()
    state.update_components(scheduler=copy.deepcopy(tiny_pipe.scheduler))
    assert state(num_inference_steps=1000, output="timesteps")[0] == 1000


def test_the_strength_that_is_advised_leaves_a_step() -> None:
    from brickwork.blocks.steps.set_timesteps import SetPartialTimesteps

    (said,) = SetPartialTimesteps().input_faults({"num_inference_steps": 3, "strength": 0.1})
    advised = float(said.split("give ")[1].split(" ")[0])
    assert not list(SetPartialTimesteps().input_faults({"num_inference_steps": 3, "strength": advised}))


def test_a_long_prompt_is_cut_as_in_the_classic(
    tiny_pipe: ModularPipeline, classic: Classic, caplog: pytest.LogCaptureFixture
) -> None:
    prompt = "a cat on the red square " * 5
    with caplog.at_level(logging.WARNING):
        ours = drawn(tiny_pipe, prompt=prompt)
    assert "text_encoder and text_encoder_2 read 16 tokens" in caplog.text
    assert torch.equal(ours, of_classic(classic, prompt=prompt))


def test_as_many_layers_are_skipped_as_there_are(tiny_pipe: ModularPipeline, classic: Classic) -> None:
    assert torch.equal(drawn(tiny_pipe, prompt="a cat", clip_skip=2), of_classic(classic, prompt="a cat", clip_skip=2))
    said = refused(tiny_pipe, prompt="a cat", clip_skip=3)
    for words in ("clip_skip is 3", "text_encoder", "3 layers", "at most 2"):
        assert words in said
    assert "clip_skip is -1" in refused(tiny_pipe, prompt="a cat", clip_skip=-1)


def test_a_tokenizer_that_gives_more_tokens_than_the_encoder_reads_is_found_before_the_run(
    tiny_pipe: ModularPipeline, embeds: dict[str, torch.Tensor]
) -> None:
    tiny_pipe.update_components(tokenizer=tokenizer("<|endoftext|>", 77))
    said = refused(tiny_pipe, prompt="a cat")
    for words in ("tokenizer", "77 tokens", "text_encoder", "16"):
        assert words in said
    assert drawn(tiny_pipe, **embeds).isfinite().all()


def test_embeddings_of_more_tokens_need_negative_ones_of_as_many(
    tiny_pipe: ModularPipeline, embeds: dict[str, torch.Tensor]
) -> None:
    long = {
        "prompt_embeds": torch.cat([embeds["prompt_embeds"]] * 2, 1),
        "pooled_prompt_embeds": embeds["pooled_prompt_embeds"],
    }
    said = refused(tiny_pipe, **long, negative_prompt="a square")
    for words in ("prompt_embeds", "32 tokens", "text_encoder", "16", "negative_prompt_embeds"):
        assert words in said
    assert drawn(tiny_pipe, **long).isfinite().all()
