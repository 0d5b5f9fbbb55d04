"""Blocks of the installed diffusers run in our containers, and are planned, documented and explained."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from coarse_images import half_mask, picture
from diffusers.modular_pipelines.flux import FluxAutoBlocks
from diffusers.modular_pipelines.stable_diffusion_3 import StableDiffusion3AutoBlocks
from diffusers.modular_pipelines.stable_diffusion_xl import StableDiffusionXLAutoBlocks
from diffusers.modular_pipelines.stable_diffusion_xl.decoders import StableDiffusionXLDecodeStep
from diffusers.modular_pipelines.stable_diffusion_xl.denoise import StableDiffusionXLDenoiseStep
from guider_table import is_untouched, state_of
from toy_blocks import seeded

from brickwork import (
    ClassifierFreeGuidance,
    CompositionError,
    InputError,
    ModularPipeline,
    PerturbedAttentionGuidance,
    SequentialPipelineBlocks,
    SkipLayerGuidance,
    SmoothedEnergyGuidance,
)
from brickwork.adapters import forward_override as behaviour
from brickwork.blocks import adopt
from brickwork.blocks.core.components_view import ComponentsView
from brickwork.guiders import Perturbation
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS

INPUTS: dict[str, Any] = {"prompt": "a red circle", "num_inference_steps": 4, "output_type": "latent"}


TASKS: dict[str, dict[str, Any]] = {
    "text2image": {"height": 64, "width": 64},
    "image2image": {"image": picture(), "strength": 0.6},
    "inpainting": {"image": picture(), "mask_image": half_mask(), "strength": 0.6, "height": 64, "width": 64},
}


@pytest.fixture(scope="module")
def peer(tiny_folder: Path) -> Any:
    """Diffusers' own modular pipeline over the tiny models."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipe = StableDiffusionXLAutoBlocks().init_pipeline()
        loaded = ModularPipeline.from_pretrained(str(tiny_folder)).load_components()
        pipe.update_components(**{n: loaded.components[n] for n in loaded.pretrained_component_names})
    pipe.set_progress_bar_config(disable=True)
    return pipe


def with_models(blocks: Any, tiny_folder: Path, tiny_pipe: ModularPipeline) -> ModularPipeline:
    pipe: ModularPipeline = blocks.init_pipeline(str(tiny_folder))
    pipe.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    pipe.configure(progress=False)
    return pipe


@pytest.mark.parametrize("task", TASKS)
def test_sdxl_of_diffusers_gives_what_it_gives_there(
    task: str, peer: Any, tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    pipe = with_models(adopt(StableDiffusionXLAutoBlocks).get_workflow(task), tiny_folder, tiny_pipe)
    expected = peer(**INPUTS, **TASKS[task], generator=seeded(0), output="images")
    assert torch.equal(pipe(**INPUTS, **TASKS[task], generator=seeded(0), output="images"), expected)


def test_the_whole_composition_decides_as_there(peer: Any, tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    pipe = with_models(adopt(StableDiffusionXLAutoBlocks), tiny_folder, tiny_pipe)
    for inputs in TASKS.values():
        expected = peer(**INPUTS, **inputs, generator=seeded(0), output="images")
        assert torch.equal(pipe(**INPUTS, **inputs, generator=seeded(0), output="images"), expected)


def test_one_block_of_theirs_among_ours(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    inputs: dict[str, Any] = {**INPUTS, **TASKS["text2image"], "output_type": "pt"}
    expected = tiny_pipe(**inputs, generator=seeded(0), output="images")
    blocks = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
    blocks.replace("decode", adopt(StableDiffusionXLDecodeStep))
    pipe = with_models(blocks, tiny_folder, tiny_pipe)
    assert torch.equal(pipe(**inputs, generator=seeded(0), output="images"), expected)


def their_loop(tiny_folder: Path, tiny_pipe: ModularPipeline) -> ModularPipeline:
    blocks = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
    blocks.replace("denoise", adopt(StableDiffusionXLDenoiseStep))
    return with_models(blocks, tiny_folder, tiny_pipe)


PERTURBING = (
    PerturbedAttentionGuidance(guidance_scale=5.0, perturbed_guidance_stop=1.0),
    SkipLayerGuidance(guidance_scale=5.0, skip_layer_guidance_start=0.0, skip_layer_guidance_stop=1.0),
    SmoothedEnergyGuidance(guidance_scale=5.0, seg_blur_sigma=2.0),
)


def test_their_loop_takes_our_guider(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    inputs: dict[str, Any] = {**INPUTS, **TASKS["text2image"]}
    expected = tiny_pipe(**inputs, guidance_scale=5.0, generator=seeded(0), output="images")
    pipe = their_loop(tiny_folder, tiny_pipe)
    pipe.update_components(guider=type(tiny_pipe.guider)(guidance_scale=5.0))
    found = pipe(**inputs, generator=seeded(0), output="images")
    assert (found - expected).abs().max() < 1e-4  # two forwards in place of one batch


def test_their_loop_hears_the_window_of_our_guider(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    inputs: dict[str, Any] = {**INPUTS, **TASKS["text2image"]}
    tiny_pipe.update_components(guider=type(tiny_pipe.guider)(guidance_scale=5.0, stop=0.5))
    expected = tiny_pipe(**inputs, generator=seeded(0), output="images")
    pipe = their_loop(tiny_folder, tiny_pipe)
    pipe.update_components(guider=tiny_pipe.guider)
    found = pipe(**inputs, generator=seeded(0), output="images")
    assert (found - expected).abs().max() < 1e-4


@pytest.mark.parametrize("guider", PERTURBING, ids=lambda guider: type(guider).__name__)
def test_their_loop_perturbs_layers_as_ours_does(guider: Any, tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    inputs: dict[str, Any] = {**INPUTS, **TASKS["text2image"], "width": 96}
    tiny_pipe.update_components(guider=guider)
    expected = tiny_pipe(**inputs, generator=seeded(0), output="images")
    pipe = their_loop(tiny_folder, tiny_pipe)
    before = state_of(pipe.unet)
    pipe.update_components(guider=guider)
    found = pipe(**inputs, generator=seeded(0), output="images")
    pipe.update_components(guider=ClassifierFreeGuidance(guidance_scale=5.0))
    plain = pipe(**inputs, generator=seeded(0), output="images")
    assert (found - expected).abs().max() < 2e-4  # three forwards in place of two
    assert (found - plain).abs().max() > 1e-3
    assert is_untouched(pipe.unet, before)


@pytest.mark.parametrize("call", range(7))
def test_their_loop_leaves_the_model_as_it_was_when_the_model_fails(
    call: int, tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    pipe = their_loop(tiny_folder, tiny_pipe)
    pipe.update_components(guider=PERTURBING[0])
    inputs: dict[str, Any] = {**INPUTS, **TASKS["text2image"]}
    expected = pipe(**inputs, generator=seeded(0), output="images")
    calls = iter(range(99))

    def fail(*_: Any) -> None:
        if next(calls) == call:
            raise KeyboardInterrupt

    handle = pipe.unet.mid_block.register_forward_pre_hook(fail)
    with pytest.raises(KeyboardInterrupt):
        pipe(**inputs, generator=seeded(0), output="images")
    handle.remove()
    assert behaviour._patches == {}
    assert torch.equal(pipe(**inputs, generator=seeded(0), output="images"), expected)


def test_a_loop_of_an_unknown_family_says_that_it_cannot_perturb(
    tiny_folder: Path, tiny_pipe: ModularPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StableDiffusionXLDenoiseStep, "model_name", "my-family")
    pipe = adopt(StableDiffusionXLDenoiseStep).init_pipeline(str(tiny_folder))
    with pytest.raises(InputError, match="none of the pipeline's blocks is of a known model family"):
        ComponentsView(pipe, {})._perturbed(tiny_pipe.unet, ())
    with pytest.raises(InputError, match=r"Blurring needs latents of the shape \[b c h w\]"):
        ComponentsView(tiny_pipe, {})._perturbed(tiny_pipe.unet, [Perturbation("blur")])


def test_mistakes_are_found_before_the_run(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    pipe = with_models(adopt(StableDiffusionXLAutoBlocks), tiny_folder, tiny_pipe)
    with pytest.raises(InputError, match="'promt' is no input of this pipeline. Did you mean 'prompt'?"):
        pipe(promt="a")
    with pytest.raises(InputError, match="needs 'prompt'|needs 'image'"):
        pipe(mask_image=half_mask())


@pytest.mark.parametrize(
    ("blocks", "workflow", "component"),
    [
        (StableDiffusionXLAutoBlocks, "text2image", "unet"),
        (FluxAutoBlocks, "text2image", "transformer"),
        (StableDiffusion3AutoBlocks, "text2image", "transformer"),
    ],
)
def test_three_families_are_planned_documented_and_explained(blocks: Any, workflow: str, component: str) -> None:
    adopted = adopt(blocks)
    assert adopted.check().faults == ()
    assert workflow in adopted.available_workflows
    assert [param.name for param in adopted.workflow(workflow).required] == ["prompt"]
    assert component in adopted.workflow(workflow).components
    assert component in str(adopted.explain("prompt"))
    assert "prompt" in adopted.doc
    assert "<svg" in adopted.get_workflow(workflow).graph().svg


def test_what_is_no_block_is_refused() -> None:
    with pytest.raises(CompositionError, match="^the class dict is no block of modular pipelines.* derived from Block"):
        adopt(dict)
    with pytest.raises(
        CompositionError, match="^'Text' .str. is no block of modular.* the class itself.* not its name: MyBlock"
    ):
        adopt("Text")
