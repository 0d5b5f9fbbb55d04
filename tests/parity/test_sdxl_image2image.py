"""Image to image and inpainting equal diffusers' own pipelines bit for bit, on the same weights, seeds and inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from coarse_images import half_mask, picture
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    LCMScheduler,
    UniPCMultistepScheduler,
)

from brickwork import InputError, ModularPipeline, SequentialPipelineBlocks
from brickwork.presets.sdxl import IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS, AutoBlocks

SCHEDULERS = {
    "Euler": (EulerDiscreteScheduler, {}),
    "Euler trailing": (EulerDiscreteScheduler, {"timestep_spacing": "trailing"}),
    "Euler ancestral": (EulerAncestralDiscreteScheduler, {}),
    "DDIM": (DDIMScheduler, {}),
    "DPM++ 2M": (DPMSolverMultistepScheduler, {}),
    "DPM++ 2M SDE": (DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"}),
    "UniPC": (UniPCMultistepScheduler, {}),
    "Heun": (HeunDiscreteScheduler, {}),
    "LCM": (LCMScheduler, {}),
}

MASK = {"mask_image": half_mask()}
CLASSIC = {
    "image2image": diffusers.StableDiffusionXLImg2ImgPipeline,
    "inpainting": diffusers.StableDiffusionXLInpaintPipeline,
}
PRESETS = {"image2image": IMAGE2IMAGE_BLOCKS, "inpainting": INPAINT_BLOCKS}
NEEDED: dict[str, dict[str, Any]] = {
    "image2image": {"strength": 0.6},
    "inpainting": {**MASK, "strength": 0.6, "height": 64, "width": 64},
}


@pytest.fixture(params=["image2image", "inpainting"])
def task(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def pipe(task: str, tiny_folder: Path, tiny_pipe: ModularPipeline) -> ModularPipeline:
    made = SequentialPipelineBlocks.from_blocks_dict(PRESETS[task]).init_pipeline(str(tiny_folder))
    made.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    made.configure(progress=False)
    return made


@pytest.fixture
def auto(tiny_folder: Path, tiny_pipe: ModularPipeline) -> ModularPipeline:
    made = AutoBlocks().init_pipeline(str(tiny_folder))
    made.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    made.configure(progress=False)
    return made


def classic_of(task: str, classic: diffusers.StableDiffusionXLPipeline, **config: Any) -> diffusers.DiffusionPipeline:
    made = CLASSIC[task](**classic.components, **config)
    made.set_progress_bar_config(disable=True)
    return made


def generator_of(seeds: Any) -> Any:
    if isinstance(seeds, list):
        return [torch.Generator().manual_seed(seed) for seed in seeds]
    return torch.Generator().manual_seed(seeds)


def both(pipe: ModularPipeline, classic: diffusers.DiffusionPipeline, task: str, **inputs: Any) -> tuple[Any, Any]:
    inputs = {
        "prompt": "a red circle",
        "image": picture(),
        "num_inference_steps": 5,
        "guidance_scale": 5.0,
        "output_type": "latent",
        **NEEDED[task],
        **inputs,
    }
    seeds = inputs.pop("seeds", 7)
    ours = pipe(**inputs, generator=generator_of(seeds), output="images")
    theirs = classic(**inputs, generator=generator_of(seeds)).images
    return ours, theirs


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_gives_the_same_latents(
    name: str, task: str, pipe: ModularPipeline, classic: diffusers.StableDiffusionXLPipeline
) -> None:
    cls, options = SCHEDULERS[name]
    config = classic.scheduler.config
    pipe.update_components(scheduler=cls.from_config(config, **options))
    reference = classic_of(task, classic)
    reference.scheduler = cls.from_config(config, **options)
    ours, theirs = both(pipe, reference, task)
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    "inputs",
    [
        {"strength": 1.0},
        {"strength": 0.2},
        {"guidance_scale": 1.0},
        {"negative_prompt": "blue"},
        {"num_images_per_prompt": 2},
        {"prompt": ["a red circle", "a cat"], "image": [picture(1), picture(2)]},
        {"prompt": ["a red circle", "a cat"], "image": picture(1)},
        {"denoising_end": 0.8, "strength": 0.9},
        {"denoising_start": 0.5},
        {"denoising_start": 0.5, "denoising_end": 0.8, "num_inference_steps": 10},
        {"original_size": (128, 96), "crops_coords_top_left": (8, 4), "target_size": (64, 64)},
        {"negative_original_size": (32, 32), "negative_target_size": (8, 8), "crops_coords_top_left": (4, 4)},
        {"image": torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))},
        {"image": torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))},
        {"sigmas": [10.0, 5.0, 2.0, 1.0]},
        {"output_type": "np"},
        {"output_type": "pt"},
        {"clip_skip": 1},
    ],
    ids=lambda inputs: ", ".join(inputs),
)
def test_every_feature_gives_the_same_pictures(
    inputs: dict[str, Any], task: str, pipe: ModularPipeline, classic: diffusers.StableDiffusionXLPipeline
) -> None:
    ours, theirs = both(pipe, classic_of(task, classic), task, **inputs)
    if inputs.get("output_type") == "np":
        assert np.array_equal(ours, theirs)
    else:
        assert torch.equal(ours, theirs)


def test_negative_crops_are_heard(
    task: str, pipe: ModularPipeline, classic: diffusers.StableDiffusionXLPipeline
) -> None:
    """The classic takes `negative_crops_coords_top_left` and ignores it."""
    reference = classic_of(task, classic)
    plain, classics = both(pipe, reference, task)
    told, ignored = both(pipe, reference, task, negative_crops_coords_top_left=(32, 32))
    assert torch.equal(classics, ignored)
    assert torch.equal(plain, classics)
    assert not torch.equal(told, plain)


def test_a_refiner_is_told_ratings(
    task: str, pipe: ModularPipeline, classic: diffusers.StableDiffusionXLPipeline
) -> None:
    told = {"aesthetic_score": 7.0, "negative_aesthetic_score": 1.5}
    pipe.update_config(requires_aesthetics_score=True)
    with pytest.raises(InputError, match="5 size ids"):
        both(pipe, classic_of(task, classic), task, **told)
    config = dict(classic.unet.config)
    config["projection_class_embeddings_input_dim"] -= config["addition_time_embed_dim"]
    torch.manual_seed(0)
    refiner = diffusers.UNet2DConditionModel.from_config(config).eval()
    reference = classic_of(task, classic, requires_aesthetics_score=True)
    reference.unet = refiner
    pipe.update_components(unet=refiner)
    ours, theirs = both(pipe, reference, task, **told)
    assert torch.equal(ours, theirs)


def test_a_picture_in_a_batch_is_the_picture_alone(task: str, pipe: ModularPipeline) -> None:
    """The classic inpainting draws the posterior of one given image from the first generator alone."""
    inputs: dict[str, Any] = {"image": picture(), "num_inference_steps": 5, "output_type": "latent", **NEEDED[task]}
    pipe.update_components(scheduler=EulerAncestralDiscreteScheduler.from_config(pipe.scheduler.config))
    prompts = ["a red circle", "a cat"]
    batch = pipe(prompt=prompts, generator=generator_of([1, 2]), output="images", **inputs)
    alone = [
        pipe(prompt=p, generator=generator_of(s), output="images", **inputs)
        for p, s in zip(prompts, (1, 2), strict=True)
    ]
    assert (batch - torch.cat(alone)).abs().max() < 1e-4


def test_each_prompt_keeps_its_own_picture_where_several_are_drawn_of_it(
    task: str, pipe: ModularPipeline, classic: diffusers.StableDiffusionXLPipeline
) -> None:
    """The classic pairs prompts in the order p0 p0 p1 p1 with images in the order i0 i1 i0 i1."""
    prompts, pictures = ["a red circle", "a cat"], [picture(1), picture(2)]
    inputs: dict[str, Any] = {"num_images_per_prompt": 2, "seeds": [1, 2, 3, 4]}
    whole, classics = both(pipe, classic_of(task, classic), task, prompt=prompts, image=pictures, **inputs)
    second = pipe(
        prompt=prompts[0],
        image=pictures[0],
        generator=generator_of(2),
        num_inference_steps=5,
        guidance_scale=5.0,
        output_type="latent",
        output="images",
        **NEEDED[task],
    )
    assert (whole[1:2] - second).abs().max() < 1e-4
    assert (classics[1:2] - second).abs().max() > 1e-3


def test_the_auto_composition_does_what_each_task_does(
    task: str, pipe: ModularPipeline, auto: ModularPipeline, tiny_pipe: ModularPipeline
) -> None:
    inputs: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 5, "output_type": "latent", "output": "images"}
    given = {"image": picture(), **NEEDED[task]}
    expected = pipe(**inputs, **given, generator=generator_of(3))
    assert torch.equal(auto(**inputs, **given, generator=generator_of(3)), expected)
    expected = tiny_pipe(**inputs, generator=generator_of(3))
    assert torch.equal(auto(**inputs, generator=generator_of(3)), expected)


def test_what_lies_outside_of_the_mask_stays(tiny_pipe: ModularPipeline, auto: ModularPipeline) -> None:
    given = picture()
    state = auto(
        prompt="a cat", image=given, **MASK, num_inference_steps=4, output_type="latent", generator=generator_of(0)
    )
    known = state.get("image_latents")
    assert torch.equal(state.get("latents")[..., :4], known[..., :4])
    assert not torch.equal(state.get("latents")[..., 4:], known[..., 4:])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"strength": 1.5}, "strength is 1.5; it must be between 0 and 1"),
        ({"strength": float("nan")}, "strength is nan"),
        ({"strength": 0.1}, "strength 0.1 of 5 steps leaves none; give 0.2 or more"),
        ({"denoising_start": 0.8, "denoising_end": 0.5}, "it begins before it ends"),
        ({"denoising_start": 1.0}, "denoising_start is 1.0"),
        ({"image": "a path"}, "image: There is no file a path."),
        ({"image": []}, "image is empty"),
        ({"prompt": ["a", "b", "c"], "image": [picture(), picture()]}, "2 images were given for 3 prompts"),
    ],
)
def test_wrong_inputs_are_refused(inputs: dict[str, Any], message: str, task: str, pipe: ModularPipeline) -> None:
    given = {"prompt": "a", "image": picture(), "num_inference_steps": 5, **NEEDED[task], **inputs}
    with pytest.raises(InputError) as caught:
        pipe(**given)
    assert message in str(caught.value)


def test_a_strength_of_a_wrong_type_is_blamed_and_not_its_default(task: str, pipe: ModularPipeline) -> None:
    """0.3 of two steps would leave none."""
    given = {"prompt": "a", "image": picture(), **NEEDED[task], "num_inference_steps": 2}
    with pytest.raises(InputError) as caught:
        pipe(**{**given, "strength": "x"})
    assert [fault.inputs for fault in caught.value.faults] == [("strength",)]
    assert "strength is 'x'" in str(caught.value)
    assert "leaves none" not in str(caught.value)
    with pytest.raises(InputError, match=r"num_inference_steps is 'x'"):
        pipe(**{**given, "num_inference_steps": "x"})


def test_a_mask_without_a_picture_is_refused(auto: ModularPipeline) -> None:
    with pytest.raises(InputError, match="'mask_image' was given, which selects 'inpaint'; that also needs 'image'"):
        auto(prompt="a", **MASK)


def test_a_strength_that_leaves_no_step_of_own_noise_levels_is_refused(task: str, pipe: ModularPipeline) -> None:
    """The last noise level is the end, so four of them are three steps, which only the scheduler knows."""
    given = {"prompt": "a", "image": picture(), **NEEDED[task], "sigmas": [10.0, 5.0, 2.0, 1.0], "strength": 0.3}
    with pytest.raises(InputError, match=r"strength 0.3 of 3 steps leaves none; give 0.333 or more"):
        pipe(**given)
