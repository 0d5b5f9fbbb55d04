"""A base and its refiner in one composition equal two classic pipelines that hand latents over, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from coarse_images import picture
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
)

from brickwork import InputError, ModularPipeline, ModularPipelineBlocks, SequentialPipelineBlocks
from brickwork.blocks.steps.hand_over import SetFirstPartialTimesteps
from brickwork.presets.sdxl import IMAGE2IMAGE_BLOCKS, SDXL, SECOND_UNET_BLOCKS, TEXT2IMAGE_BLOCKS, with_refiner
from brickwork.presets.tasks import with_prompt_weights
from tiny_sdxl import make_unet

SCHEDULERS = (
    EulerDiscreteScheduler,
    EulerAncestralDiscreteScheduler,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    HeunDiscreteScheduler,
)


@pytest.fixture(scope="module")
def refiner() -> diffusers.UNet2DConditionModel:
    torch.manual_seed(3)
    return make_unet(cross_attention_dim=24, projection_class_embeddings_input_dim=24 + 5 * 8).eval()


@pytest.fixture
def pipe(tiny_folder: Path, tiny_pipe: ModularPipeline, refiner: Any) -> ModularPipeline:
    made = SequentialPipelineBlocks.from_blocks_dict(with_refiner()).init_pipeline(str(tiny_folder))
    made.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    made.update_components(refiner=refiner)
    made.configure(progress=False)
    return made


def handed_over(classic: Any, refiner: Any, scheduler: Any, share: float, **inputs: Any) -> Any:
    base = diffusers.StableDiffusionXLPipeline(**{**classic.components, "scheduler": scheduler})
    parts = {**classic.components, "unet": refiner, "text_encoder": None, "tokenizer": None}
    second = diffusers.StableDiffusionXLImg2ImgPipeline(
        **{**parts, "scheduler": type(scheduler).from_config(scheduler.config)},
        requires_aesthetics_score=True,
        force_zeros_for_empty_prompt=False,
    )
    for each in (base, second):
        each.set_progress_bar_config(disable=True)
    rating = {name: inputs.pop(name) for name in ("aesthetic_score", "negative_aesthetic_score") if name in inputs}
    latents = base(**{**inputs, "output_type": "latent"}, denoising_end=share).images
    own = {name: value for name, value in inputs.items() if name not in ("height", "width")}
    return second(**own, **rating, image=latents, denoising_start=share).images


def both(pipe: ModularPipeline, classic: Any, refiner: Any, scheduler: Any, **inputs: Any) -> tuple[Any, Any]:
    inputs = {
        "prompt": "a red circle",
        "num_inference_steps": 10,
        "guidance_scale": 5.0,
        "output_type": "latent",
        **inputs,
    }
    share = inputs.pop("hand_over", 0.6)
    pipe.update_components(scheduler=type(scheduler).from_config(scheduler.config))
    ours = pipe(**inputs, hand_over=share, generator=torch.Generator().manual_seed(2), output="images")
    theirs = handed_over(classic, refiner, scheduler, share, **inputs, generator=torch.Generator().manual_seed(2))
    return ours, theirs


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_every_solver_is_handed_over_alike(scheduler: Any, pipe: ModularPipeline, classic: Any, refiner: Any) -> None:
    ours, theirs = both(pipe, classic, refiner, scheduler.from_config(classic.scheduler.config))
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    "inputs",
    [
        {"hand_over": 0.3},
        {"negative_prompt": "a blue square"},
        {"prompt": ["a red circle", "a cat"], "num_images_per_prompt": 2},
        {"aesthetic_score": 5.0, "negative_aesthetic_score": 1.0},
        {"original_size": (96, 80), "negative_original_size": (32, 32), "negative_target_size": (64, 64)},
        {"timesteps": [900, 600, 350, 100]},
        {"guidance_scale": 1.0},
        {"output_type": "pt"},
    ],
    ids=["early", "negative prompt", "batch", "rating", "sizes", "own timesteps", "no guidance", "decoded"],
)
def test_inputs_reach_both_networks(inputs: dict[str, Any], pipe: ModularPipeline, classic: Any, refiner: Any) -> None:
    scheduler = EulerDiscreteScheduler.from_config(classic.scheduler.config)
    ours, theirs = both(pipe, classic, refiner, scheduler, **inputs)
    assert torch.equal(ours, theirs)


def test_encoder_and_vae_are_shared_and_only_the_network_is_new(pipe: ModularPipeline) -> None:
    assert [name for name in pipe.component_names if "refiner" in name] == ["refiner"]


def test_a_share_that_leaves_one_network_nothing_is_an_error(pipe: ModularPipeline) -> None:
    with pytest.raises(InputError, match=r"hand_over=0.05 of 3 steps leaves none to the first network"):
        pipe(prompt="a", num_inference_steps=3, hand_over=0.05, timesteps=[900, 500, 100])
    with pytest.raises(InputError, match=r"hand_over=0.999 of 3 steps leaves none to the second network"):
        pipe(prompt="a", num_inference_steps=3, hand_over=0.999)


def test_embeddings_of_the_refiner_are_taken_in_place_of_its_prompt(pipe: ModularPipeline) -> None:
    inputs = {"prompt": "a red circle", "num_inference_steps": 5, "output_type": "latent", "guidance_scale": 3.0}
    first = pipe(**inputs, generator=torch.Generator().manual_seed(0)).values
    embeds = {name: first[name] for name in first if "refiner" in name and "embeds" in name}
    assert len(embeds) == 4
    again = pipe(**{**inputs, **embeds}, generator=torch.Generator().manual_seed(0), output="images")
    assert torch.equal(again, first["images"])


def weights_first() -> Any:
    return with_refiner(with_prompt_weights(TEXT2IMAGE_BLOCKS, SDXL))


def weights_last() -> Any:
    return with_prompt_weights(with_refiner(), SDXL)


@pytest.mark.parametrize("made", [weights_first, weights_last])
def test_a_refiner_reads_weights_of_words_as_its_base_does(
    made: Any, pipe: ModularPipeline, classic: Any, refiner: Any, caplog: pytest.LogCaptureFixture
) -> None:
    weighted = SequentialPipelineBlocks.from_blocks_dict(made()).init_pipeline()
    weighted.update_components(**{name: pipe.components[name] for name in pipe.pretrained_component_names})
    weighted.update_config(prompt_syntax="comfyui")
    weighted.configure(progress=False)
    inputs: dict[str, Any] = {"num_inference_steps": 5, "guidance_scale": 3.0, "output_type": "latent", "seed": 1}

    def drawn(with_: ModularPipeline, **texts: Any) -> Any:
        return with_(**inputs, **texts)

    texts = {"prompt": "a red circle", "negative_prompt": "blue"}
    plain = drawn(pipe, **texts)
    same = drawn(weighted, prompt="a (red:1) circle", negative_prompt="blue")
    assert torch.equal(drawn(weighted, **texts)["images"], plain["images"])
    assert torch.equal(same["images"], plain["images"])
    for prompt, negative, changed in (
        ("a (red:1.6) circle", "blue", ("prompt_embeds", "refiner_prompt_embeds")),
        ("a red circle", "(blue:1.6)", ("negative_prompt_embeds", "negative_refiner_prompt_embeds")),
    ):
        found = drawn(weighted, prompt=prompt, negative_prompt=negative)
        differ = {
            name
            for name in plain.values
            if name.endswith("prompt_embeds") and not torch.equal(found[name], plain[name])
        }
        assert differ == set(changed)
    assert "which is read as text" not in caplog.text
    embeds = {name: plain[name] for name in plain.values if "refiner" in name and name.endswith("embeds")}
    given = drawn(weighted, prompt="a (red:1.6) circle", negative_prompt="blue", **embeds)
    assert torch.equal(given["refiner_prompt_embeds"], plain["refiner_prompt_embeds"])


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_another_unet_of_the_same_kind_goes_on(
    scheduler: Any, tiny_folder: Path, tiny_pipe: ModularPipeline, classic: Any
) -> None:
    torch.manual_seed(4)
    second = make_unet().eval()
    blocks = with_refiner(refiner=SECOND_UNET_BLOCKS)
    ours = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline(str(tiny_folder))
    ours.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    solver = scheduler.from_config(classic.scheduler.config)
    ours.update_components(refiner=second, scheduler=solver)
    ours.configure(progress=False)
    inputs: dict[str, Any] = {"prompt": "a red circle", "num_inference_steps": 10, "guidance_scale": 5.0,
                              "output_type": "latent", "height": 64, "width": 64}  # fmt: skip
    found = ours(**inputs, hand_over=0.6, generator=torch.Generator().manual_seed(2), output="images")

    parts = {**classic.components, "scheduler": scheduler.from_config(classic.scheduler.config)}
    first = diffusers.StableDiffusionXLPipeline(**parts)
    then = diffusers.StableDiffusionXLImg2ImgPipeline(
        **{**parts, "unet": second, "scheduler": scheduler.from_config(classic.scheduler.config)}
    )
    for each in (first, then):
        each.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(2)
    latents = first(**inputs, denoising_end=0.6, generator=generator).images
    own = {name: value for name, value in inputs.items() if name not in ("height", "width")}
    expected = then(**own, image=latents, denoising_start=0.6, generator=generator).images
    assert torch.equal(found, expected)


def test_the_composition_is_saved_with_the_inputs_that_choose(tmp_path: Path) -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict(with_refiner(TEXT2IMAGE_BLOCKS))
    blocks.save_pretrained(str(tmp_path))
    opened = ModularPipelineBlocks.from_pretrained(str(tmp_path))
    assert str(opened) == str(blocks)
    assert opened["refiner_text_encoder"]["positive"].block_trigger_inputs == ["refiner_prompt_embeds", None]
    assert opened.available_workflows == blocks.available_workflows


@pytest.mark.parametrize(
    ("scheduler", "inputs"),
    [
        (EulerDiscreteScheduler, {"negative_prompt": "a blue square", "aesthetic_score": 5.0}),
        (EulerAncestralDiscreteScheduler, {"num_images_per_prompt": 2, "strength": 0.9}),
        (HeunDiscreteScheduler, {"original_size": (96, 80), "negative_original_size": (32, 32)}),
    ],
)
def test_image_to_image_is_handed_over_as_between_two_pipelines(
    scheduler: Any, inputs: dict[str, Any], tiny_folder: Path, tiny_pipe: ModularPipeline, classic: Any, refiner: Any
) -> None:
    ours = SequentialPipelineBlocks.from_blocks_dict(with_refiner(IMAGE2IMAGE_BLOCKS)).init_pipeline(str(tiny_folder))
    ours.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    ours.update_components(refiner=refiner, scheduler=scheduler.from_config(classic.scheduler.config))
    ours.configure(progress=False)
    given = {"prompt": "a red circle", "num_inference_steps": 10, "guidance_scale": 5.0, "output_type": "latent",
             "strength": 0.7, "image": picture(3), **inputs}  # fmt: skip
    found = ours(**given, hand_over=0.6, generator=torch.Generator().manual_seed(2), output="images")

    def fresh() -> Any:
        return scheduler.from_config(classic.scheduler.config)

    first = diffusers.StableDiffusionXLImg2ImgPipeline(**{**classic.components, "scheduler": fresh()})
    parts = {**classic.components, "unet": refiner, "text_encoder": None, "tokenizer": None, "scheduler": fresh()}
    second = diffusers.StableDiffusionXLImg2ImgPipeline(
        **parts, requires_aesthetics_score=True, force_zeros_for_empty_prompt=False
    )
    for each in (first, second):
        each.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(2)
    rating = {"aesthetic_score": given.pop("aesthetic_score", 6.0)}
    latents = first(**given, denoising_end=0.6, generator=generator).images
    then = {**given, **rating, "image": latents, "denoising_start": 0.6, "generator": generator}
    del then["strength"]
    assert torch.equal(found, second(**then).images)


def test_a_strength_that_leaves_one_network_nothing_is_an_error() -> None:
    scheduler = EulerDiscreteScheduler(steps_offset=1, timestep_spacing="leading")
    block = SetFirstPartialTimesteps.bind(SDXL)(scheduler=scheduler)
    for strength, share, words in (
        (
            0.1,
            0.8,
            r"hand_over=0.8 \(the timestep 200\) leaves none of the 1 steps of strength=0.1, .* to the first network",
        ),
        (0.5, 0.999, r"hand_over=0.999 .* leaves none of the 5 steps of strength=0.5, .* to the second network"),
    ):
        with pytest.raises(InputError, match=words):
            block.run(num_inference_steps=10, strength=strength, hand_over=share)
