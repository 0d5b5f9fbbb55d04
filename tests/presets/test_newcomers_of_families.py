"""What a newcomer gives to a family that does not take it is refused by name, and what is taken counts."""

from __future__ import annotations

import copy
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from technique_families import GIVEN, contract, drawn, family, pipe_of
from technique_families import blocks as blocks_of

from brickwork import (
    AutoGuidance,
    ClassifierFreeGuidance,
    CompositionError,
    EmbeddedGuidance,
    InputError,
    SequentialPipelineBlocks,
)
from brickwork.blocks.core.flattening import walk
from brickwork.blocks.core.preset_catalog import presets
from brickwork.presets.families_in_turn import families_in_turn
from brickwork.presets.regions import with_regions
from brickwork.presets.tasks import with_prompt_weights
from brickwork.presets.windows import with_windows
from brickwork.saving.composition import compose, describe


def test_every_preset_is_written_and_read_as_what_it_is() -> None:
    for name, blocks in presets():
        again = compose(describe(blocks))
        assert [type(block) for _, block in walk(again)] == [type(block) for _, block in walk(blocks)], name


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("sdxl", "pooled_prompt_embeds"),
        ("sdxl", "negative_pooled_prompt_embeds"),
        ("sd3", "pooled_prompt_embeds"),
        ("flux", "negative_pooled_prompt_embeds"),
    ],
)
@pytest.mark.parametrize("value", ["x", torch.zeros(2, 32)])
def test_embeddings_that_would_be_lost_are_refused(kind: str, name: str, value: Any) -> None:
    with pytest.raises(InputError, match=f"{name} is given without .*prompt_embeds, so it would be made anew"):
        drawn(pipe_of(kind), kind, **{name: value})


@pytest.mark.parametrize("name", ["dit", "ddpm"])
def test_arguments_of_attention_are_refused_where_there_are_none(name: str) -> None:
    with pytest.raises(InputError, match=f"the denoiser of {name} takes no arguments of attention"):
        drawn(pipe_of(name), name, cross_attention_kwargs={"foo": 1})
    drawn(pipe_of(name), name, cross_attention_kwargs={})


def test_a_strength_of_guidance_is_refused_where_there_is_nothing_to_guide_by() -> None:
    with pytest.raises(InputError, match=r"guidance_scale is 7\.5, and the denoiser of ddpm is told nothing"):
        drawn(pipe_of("ddpm"), "ddpm", guidance_scale=7.5)
    drawn(pipe_of("ddpm"), "ddpm", guidance_scale=1.0)


def test_a_format_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(InputError, match="output_type is a ndarray"):
        drawn(pipe_of("ddpm"), "ddpm", output_type=np.zeros(3))


@pytest.mark.parametrize("value", [5, 0.5, torch.zeros(2, 3)])
@pytest.mark.parametrize("name", ["timesteps", "sigmas"])
def test_steps_of_the_wrong_type_are_refused_beside_an_image(name: str, value: Any) -> None:
    pipe = pipe_of("dit", task="image2image")
    with pytest.raises(InputError, match=f"{name} is "):
        pipe(class_labels=[3], image=torch.zeros(1, 3, 16, 16), **{name: value})


@pytest.mark.parametrize("name", ["sd3", "flux"])
def test_schedulers_of_diffusion_are_refused_by_flows(name: str) -> None:
    pipe = pipe_of(name)
    pipe.update_components(scheduler="dpmpp_2m")
    with pytest.raises(InputError, match="scheduler is a DPMSolverMultistepScheduler with prediction_type='epsilon'"):
        drawn(pipe, name)


def test_a_guider_is_looked_at_though_another_had_its_place_in_memory() -> None:
    pipe = pipe_of("flux")
    for _ in range(20):
        drawn(pipe, "flux", guider=EmbeddedGuidance(guidance_scale=2.0))
        with pytest.raises(InputError, match="has guidance built in"):
            drawn(pipe, "flux", guider=ClassifierFreeGuidance(guidance_scale=2.0))


@pytest.mark.parametrize("technique", [with_regions, with_windows])
def test_a_technique_refuses_the_contract_of_another_family(technique: Any) -> None:
    with pytest.raises(CompositionError, match="was given the family flux, and blocks of stable-diffusion-3"):
        technique(blocks_of("sd3"), contract("flux"))
    with pytest.raises(CompositionError, match="takes the contract of a family.*and was given 'sd3'"):
        technique(blocks_of("sd3"), "sd3")


@pytest.mark.parametrize("place", [0, 1])
def test_families_in_turn_refuse_names(place: int) -> None:
    given: list[Any] = [contract("sdxl"), contract("sdxl")]
    given[place] = "sdxl"
    with pytest.raises(CompositionError, match="takes the contract of a family.*and was given 'sdxl'"):
        families_in_turn(*given)


def test_an_unknown_syntax_of_weights_is_refused_before_the_run() -> None:
    pipe = pipe_of("sdxl", with_prompt_weights)
    pipe.update_config(prompt_syntax="foo")
    try:
        with pytest.raises(InputError, match="prompt_syntax is 'foo'; it is 'a1111', 'comfyui', 'compel'"):
            drawn(pipe, "sdxl")
    finally:
        pipe.update_config(prompt_syntax="a1111")


def test_a_region_may_have_a_class_for_each_image() -> None:
    pipe = pipe_of("dit", with_regions)
    mask = np.zeros((16, 16), "float32")
    mask[:, :8] = 1
    both = drawn(pipe, "dit", region_labels=[[5, 9]], region_masks=[mask], seed=[7, 8])
    for place, label in enumerate((5, 9)):
        alone = drawn(
            pipe,
            "dit",
            class_labels=GIVEN["dit"]["class_labels"][place],
            region_labels=[label],
            region_masks=[mask],
            seed=7 + place,
        )
        assert (both[place] - alone[0]).abs().max() <= 1e-4
    assert not torch.equal(both, drawn(pipe, "dit", region_labels=[5], region_masks=[mask], seed=[7, 8]))


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([["a"]], r"region_labels\[0\] is \['a'\]"),
        ([[]], r"region_labels\[0\] is \[\]"),
        ([-1], r"region_labels\[0\] is -1"),
        ([[1, 2, 3]], r"region_labels\[0\] holds 3 classes, and there are 2 of the whole image"),
        ([[1, 5000]], "region_labels hold 5000"),
    ],
)
def test_classes_of_regions_that_are_none_are_refused(labels: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        drawn(pipe_of("dit", with_regions), "dit", region_labels=labels, region_masks=[np.ones((16, 16), "float32")])


def test_families_in_turn_take_latents_of_the_one_that_begins_and_an_eta_for_each() -> None:
    made = SequentialPipelineBlocks.from_blocks_dict(families_in_turn(contract("sdxl"), contract("flux")))
    pipe = made.init_pipeline()
    pipe.configure(progress=False)
    first, second = (family(name).parts("float32") for name in ("sdxl", "flux"))
    second = {f"second_{name}": copy.deepcopy(part) for name, part in second.items()}
    pipe.update_components(**{name: part for name, part in {**first, **second}.items() if name in pipe.component_names})
    assert {"eta", "second_eta"} <= set(pipe.blocks.input_names)
    given = {"prompt": "a red circle", "height": 64, "width": 64, "num_inference_steps": 4, "output": "images"}
    for share, channels in ((0.0, 16), (0.5, 4), (1.0, 4)):
        more = {**given, "first_share": share, "second_num_inference_steps": 4, "seed": 1}
        pipe(**more, latents=torch.zeros(1, channels, 8, 8))
        with pytest.raises(InputError, match=rf"1 image needs \[1, {channels}, 8, 8\]"):
            pipe(**more, latents=torch.zeros(1, 20 - channels, 8, 8))


def test_the_second_family_has_an_eta_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    made = SequentialPipelineBlocks.from_blocks_dict(families_in_turn(contract("stable_diffusion"), contract("sdxl")))
    pipe = made.init_pipeline()
    pipe.configure(progress=False)
    parts = {}
    for prefix, name in (("", "stable_diffusion"), ("second_", "sdxl")):
        own = {**family(name).parts("float32"), "scheduler": diffusers.DDIMScheduler(clip_sample=False)}
        parts |= {f"{prefix}{key}": copy.deepcopy(part) for key, part in own.items()}
    pipe.update_components(**{name: part for name, part in parts.items() if name in pipe.component_names})
    given = {"prompt": "a", "height": 64, "width": 64, "num_inference_steps": 4, "second_num_inference_steps": 4}
    given |= {"first_share": 0.5, "seed": 1, "output": "images", "output_type": "latent"}
    plain = pipe(**given)
    assert torch.equal(pipe(**given, second_eta=0.0), plain)
    first, second = pipe(**given, eta=0.9), pipe(**given, second_eta=0.9)
    assert not torch.equal(first, plain)
    assert not torch.equal(second, plain)
    assert not torch.equal(first, second)
    pipe.update_components(second_scheduler=diffusers.EulerDiscreteScheduler())
    pipe(**given, second_eta=0.9)
    assert "eta is 0.9, and EulerDiscreteScheduler reads none" in caplog.text


def test_a_guider_that_perturbs_layers_is_refused_by_the_latent_upscaler() -> None:
    from sd_variants import LATENT_UPSCALER, OTHER_TASKS, SMALL
    from tiny_sd import make_parts

    parts = {**make_parts(), **{name: make() for name, make in LATENT_UPSCALER.items()}}
    pipe = SequentialPipelineBlocks.from_blocks_dict(OTHER_TASKS["latent upscaling"].blocks).init_pipeline()
    pipe.configure(progress=False)
    pipe.update_components(**{name: part for name, part in parts.items() if name in pipe.component_names})
    image = SMALL[0].resize((32, 32))
    pipe("a cat", image=image, num_inference_steps=2, seed=1)
    with pytest.raises(
        InputError, match="AutoGuidance perturbs layers, and stable-diffusion-latent-upscale does not say"
    ):
        pipe("a cat", image=image, num_inference_steps=2, seed=1, guider=AutoGuidance())
    with pytest.raises(InputError, match="guidance_scale is 0, at which the classic pipeline reads an empty prompt"):
        pipe("a cat", image=image, num_inference_steps=2, seed=1, guidance_scale=0)
    empty = {"image": image, "num_inference_steps": 2, "seed": 1, "output": "latents"}
    assert torch.equal(pipe("", **empty, guidance_scale=0), pipe("", **empty, guidance_scale=1))
