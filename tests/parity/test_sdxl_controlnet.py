"""Steering by ControlNets equals diffusers' own pipelines bit for bit, on the same weights, seeds and inputs."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from coarse_images import half_mask, picture, square_mask
from diffusers import DDIMScheduler, EulerAncestralDiscreteScheduler, HeunDiscreteScheduler
from tiny_adapters import controlnet, several, union

from brickwork import ComponentError, InputError, ModularPipeline, SequentialPipelineBlocks
from brickwork.blocks import PredictControlled
from brickwork.presets.sdxl import (
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    SDXL,
    TEXT2IMAGE_BLOCKS,
    AutoBlocks,
    with_control,
)

TASKS: dict[str, tuple[Any, Any, Any, dict[str, Any]]] = {
    "text2image": (TEXT2IMAGE_BLOCKS, diffusers.StableDiffusionXLControlNetPipeline,
                   diffusers.StableDiffusionXLControlNetUnionPipeline, {}),
    "image2image": (IMAGE2IMAGE_BLOCKS, diffusers.StableDiffusionXLControlNetImg2ImgPipeline,
                    diffusers.StableDiffusionXLControlNetUnionImg2ImgPipeline, {"image": picture(3), "strength": 0.7}),
    "inpainting": (INPAINT_BLOCKS, diffusers.StableDiffusionXLControlNetInpaintPipeline,
                   diffusers.StableDiffusionXLControlNetUnionInpaintPipeline,
                   {"image": picture(3), "mask_image": half_mask(), "strength": 0.7}),
}  # fmt: skip
EDGES = {"control_image": picture(8), "height": 64, "width": 64}


def controlled(task: str, net: Any, tiny_folder: Path, tiny_pipe: ModularPipeline) -> ModularPipeline:
    pipe = SequentialPipelineBlocks.from_blocks_dict(with_control(TASKS[task][0])).init_pipeline(str(tiny_folder))
    pipe.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    pipe.update_components(controlnet=net)
    pipe.configure(progress=False)
    return pipe


def compare(
    task: str, net: Any, tiny_folder: Path, tiny_pipe: ModularPipeline, scheduler: Any = None, **inputs: Any
) -> Any:
    """Our latents and the classic pipeline's."""
    pipe = controlled(task, net, tiny_folder, tiny_pipe)
    if scheduler is not None:
        pipe.update_components(scheduler=scheduler)
    is_union = "Union" in type(net).__name__
    classic_class = TASKS[task][2 if is_union else 1]
    parts = {name: pipe.components[name] for name in (*tiny_pipe.pretrained_component_names, "controlnet")}
    parts["scheduler"] = type(pipe.scheduler).from_config(pipe.scheduler.config)
    classic = classic_class(**parts, add_watermarker=False)
    classic.set_progress_bar_config(disable=True)
    given = {
        "prompt": "a red circle",
        "num_inference_steps": 4,
        "guidance_scale": 5.0,
        **TASKS[task][3],
        **EDGES,
        **inputs,
    }
    ours = pipe(**given, output_type="latent", generator=torch.Generator().manual_seed(7), output="images")
    theirs = dict(given)
    if task == "text2image" and not is_union:
        theirs["image"] = theirs.pop("control_image")
    expected = classic(**theirs, output_type="latent", generator=torch.Generator().manual_seed(7)).images
    return ours, expected


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"controlnet_conditioning_scale": 0.4},
        {"control_guidance_start": 0.3, "control_guidance_end": 0.8},
        {"guess_mode": True},
        {"guidance_scale": 1.0},
        {"prompt": ["a red circle", "a cat"], "num_images_per_prompt": 2},
        {"negative_prompt": "blue", "num_images_per_prompt": 2, "guess_mode": True},
    ],
    ids=str,
)
def test_one_net_steers_as_in_the_classic_pipeline(
    task: str, inputs: dict[str, Any], tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    ours, expected = compare(task, controlnet(tiny_pipe.unet), tiny_folder, tiny_pipe, **inputs)
    assert torch.equal(ours, expected)


@pytest.mark.parametrize("task", TASKS)
def test_several_nets_steer_as_in_the_classic_pipeline(
    task: str, tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    inputs = {
        "control_image": [picture(8), picture(9)],
        "controlnet_conditioning_scale": [0.5, 0.8],
        "control_guidance_start": [0.0, 0.5],
        "control_guidance_end": [0.6, 1.0],
    }
    ours, expected = compare(task, several(tiny_pipe.unet), tiny_folder, tiny_pipe, **inputs)
    assert torch.equal(ours, expected)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("mode", "images"), [(3, [8]), ([1, 4], [8, 9])])
def test_a_union_net_steers_as_in_the_classic_pipeline(
    task: str, mode: Any, images: list[int], tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    pictures: Any = [picture(each) for each in images]
    net = union(tiny_pipe.unet)
    ours, expected = compare(
        task, net, tiny_folder, tiny_pipe, control_mode=mode, control_image=pictures if len(images) > 1 else pictures[0]
    )
    assert torch.equal(ours, expected)


@pytest.mark.parametrize("cls", [DDIMScheduler, EulerAncestralDiscreteScheduler, HeunDiscreteScheduler])
@pytest.mark.parametrize("task", TASKS)
def test_with_every_kind_of_solver(task: str, cls: Any, tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    scheduler = cls.from_config(tiny_pipe.scheduler.config)
    ours, expected = compare(
        task, controlnet(tiny_pipe.unet), tiny_folder, tiny_pipe, scheduler, control_guidance_end=0.7
    )
    assert torch.equal(ours, expected)


def test_a_net_that_pools_guesses(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    net = controlnet(tiny_pipe.unet, global_pool_conditions=True)
    ours, expected = compare("text2image", net, tiny_folder, tiny_pipe)
    assert torch.equal(ours, expected)


def test_the_size_is_the_control_picture_s_where_none_is_given(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    net = controlnet(tiny_pipe.unet)
    wide = {"height": None, "width": None, "control_image": picture(8).resize((96, 64))}
    ours, expected = compare("text2image", net, tiny_folder, tiny_pipe, **wide)
    assert ours.shape == (1, 4, 8, 12)
    assert torch.equal(ours, expected)


def test_a_picture_steers_and_at_scale_0_it_does_not(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    pipe = controlled("text2image", controlnet(tiny_pipe.unet), tiny_folder, tiny_pipe)
    inputs = {"prompt": "a cat", "num_inference_steps": 3, "output_type": "latent", "output": "images"}

    def drawn(made: ModularPipeline, **more: Any) -> torch.Tensor:
        found: torch.Tensor = made(**inputs, **more, generator=torch.Generator().manual_seed(1))
        return found

    plain = drawn(tiny_pipe, height=64, width=64)
    assert torch.equal(drawn(pipe, **EDGES, controlnet_conditioning_scale=0.0), plain)
    assert (drawn(pipe, **EDGES, controlnet_conditioning_scale=0.5) - plain).abs().max() > 1e-3


@pytest.mark.parametrize("batching", ["batched", "sequential"])
@pytest.mark.parametrize("guess", [True, False])
def test_one_prediction_after_another_is_steered_alike(
    batching: str, guess: bool, tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    pipe = controlled("text2image", controlnet(tiny_pipe.unet), tiny_folder, tiny_pipe)
    found = []
    for how in ("auto", batching):
        pipe.blocks.replace("denoise.denoiser", PredictControlled.bind(SDXL)(batching=how))
        inputs = {"prompt": "a cat", "num_inference_steps": 3, "output_type": "latent", "guess_mode": guess, **EDGES}
        found.append(pipe(**inputs, output="images", generator=torch.Generator().manual_seed(1)))
    assert torch.allclose(found[0], found[1], atol=1e-4)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"control_image": [picture(8)] * 3}, "3 control images were given for 2 ControlNets"),
        ({"control_image": picture(8)}, "1 control images were given for 2 ControlNets"),
        ({"control_image": [picture(8)] * 2, "controlnet_conditioning_scale": [1.0]}, "has 1 values for 2 ControlNets"),
        ({"control_image": [picture(8)] * 2, "control_mode": 1}, "control_mode is for union ControlNets"),
        (
            {"control_image": [picture(8)] * 2, "control_guidance_end": 2.0},
            "control_guidance_end is 2.0; it must be between 0 and 1",
        ),
    ],
)
def test_mistakes_are_said(inputs: dict[str, Any], message: str, tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    pipe = controlled("text2image", several(tiny_pipe.unet), tiny_folder, tiny_pipe)
    with pytest.raises(InputError, match=message):
        pipe(prompt="a cat", num_inference_steps=2, output="images", **inputs)


def test_a_union_net_wants_its_kind(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    pipe = controlled("text2image", union(tiny_pipe.unet), tiny_folder, tiny_pipe)
    for inputs, message in (({}, "must be told what its image is"), ({"control_mode": 9}, "it knows 0 to 5"),
                            ({"control_mode": [1, 2]}, "1 control images were given for 2 kinds")):  # fmt: skip
        with pytest.raises(InputError, match=message):
            pipe(prompt="a cat", num_inference_steps=2, output="images", **EDGES, **inputs)


def test_what_is_no_controlnet_is_refused(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    pipe = controlled("text2image", controlnet(tiny_pipe.unet), tiny_folder, tiny_pipe)
    with pytest.raises(ComponentError, match="'controlnet' expects a ControlNetModel, and got an AutoencoderKL"):
        pipe.update_components(controlnet=tiny_pipe.vae)


def test_the_controlnet_is_a_component_of_the_pipeline(tiny_folder: Path) -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict(with_control(TEXT2IMAGE_BLOCKS))
    pipe = blocks.init_pipeline(str(tiny_folder))
    assert "controlnet" in pipe.null_component_names


@pytest.mark.parametrize("task", TASKS)
def test_the_auto_composition_is_steered_where_a_control_picture_is_given(
    task: str, tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    net = controlnet(tiny_pipe.unet)
    auto = AutoBlocks().init_pipeline(str(tiny_folder))
    auto.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    auto.configure(progress=False)
    inputs = {
        "prompt": "a cat",
        "num_inference_steps": 3,
        "output_type": "latent",
        "output": "images",
        **TASKS[task][3],
    }

    def drawn(pipe: ModularPipeline, **more: Any) -> torch.Tensor:
        found: torch.Tensor = pipe(**inputs, **more, generator=torch.Generator().manual_seed(1))
        return found

    plain = SequentialPipelineBlocks.from_blocks_dict(TASKS[task][0]).init_pipeline(str(tiny_folder))
    plain.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    plain.configure(progress=False)
    sizes = {"height": 64, "width": 64}
    assert torch.equal(drawn(auto, **sizes), drawn(plain, **sizes)), "no controlnet is needed where no image steers"
    auto.update_components(controlnet=net)
    assert torch.equal(drawn(auto, **EDGES), drawn(controlled(task, net, tiny_folder, tiny_pipe), **EDGES))
    assert f"controlnet_{task}" in auto.available_workflows


def test_a_small_control_image_steers_the_place_that_it_shows(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    """The classic cuts it at the coordinates of the image, beyond its own right edge."""
    pipe = controlled("inpainting", controlnet(tiny_pipe.unet), tiny_folder, tiny_pipe)
    edges = picture(8, 32)
    given = {
        "prompt": "a cat",
        "num_inference_steps": 4,
        "image": picture(3),
        "mask_image": square_mask(),
        "strength": 0.7,
    }

    def seen(control_image: Any) -> torch.Tensor:
        state = pipe(
            **given, control_image=control_image, padding_mask_crop=8, generator=torch.Generator().manual_seed(7)
        )
        found: torch.Tensor = state.get("controlnet_cond")
        return found

    assert torch.equal(seen(edges), seen(edges.resize((64, 64))))
    assert not torch.equal(seen(edges), seen(picture(9, 32)))


@pytest.mark.parametrize(
    ("task", "own"),
    [("image2image", {"sigmas": [9.0, 3.0, 1.0, 0.0]}), ("inpainting", {"timesteps": [900, 600, 300]})],
    ids=str,
)
def test_own_noise_levels_are_taken_beside_a_control_image(
    task: str, own: dict[str, Any], tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    """The classic pipelines of these do not take them; a net that counts for nothing leaves what there is without one."""
    assert not own.keys() & inspect.signature(TASKS[task][1].__call__).parameters.keys()
    steered = controlled(task, controlnet(tiny_pipe.unet), tiny_folder, tiny_pipe)
    plain = SequentialPipelineBlocks.from_blocks_dict(TASKS[task][0]).init_pipeline(str(tiny_folder))
    plain.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    plain.configure(progress=False)
    given = {"prompt": "a cat", **own, **TASKS[task][3], "output_type": "latent", "output": "images"}

    def drawn(pipe: ModularPipeline, **more: Any) -> torch.Tensor:
        found: torch.Tensor = pipe(**given, **more, generator=torch.Generator().manual_seed(7))
        return found

    expected = drawn(plain, height=64, width=64) if task == "inpainting" else drawn(plain)
    sizes = EDGES if task == "inpainting" else {"control_image": EDGES["control_image"]}
    assert torch.equal(drawn(steered, **sizes, controlnet_conditioning_scale=0.0), expected)
    assert not torch.equal(drawn(steered, **sizes), expected)


@pytest.mark.parametrize("edges", [torch.rand(1, 3, 64, 64), [torch.rand(3, 64, 64)]])
def test_only_images_can_be_cut_to_the_surroundings_of_the_mask(
    edges: Any, tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    pipe = controlled("inpainting", controlnet(tiny_pipe.unet), tiny_folder, tiny_pipe)
    given = {"prompt": "a cat", "num_inference_steps": 2, "image": picture(3), "mask_image": square_mask()}
    with pytest.raises(InputError, match="padding_mask_crop works on PIL images, and control_image is another kind"):
        pipe(**given, control_image=edges, padding_mask_crop=8)


def test_each_of_several_nets_sees_the_place_that_is_worked_on(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    """The classic refuses several images here; each is cut as one alone is."""
    given = {
        "prompt": "a cat",
        "num_inference_steps": 2,
        "image": picture(3),
        "mask_image": square_mask(),
        "padding_mask_crop": 8,
    }
    pipe = controlled("inpainting", several(tiny_pipe.unet), tiny_folder, tiny_pipe)
    both = pipe(**given, control_image=[picture(8), picture(9)]).get("controlnet_cond")
    pipe.update_components(controlnet=controlnet(tiny_pipe.unet))
    for edges, found in zip((picture(8), picture(9)), both, strict=True):
        assert torch.equal(found, pipe(**given, control_image=edges).get("controlnet_cond"))


class NotComputed:
    """Fails where a network is called, so that what is refused was refused before."""

    def __init__(self, *networks: Any) -> None:
        self._hooks = [network.register_forward_pre_hook(self._called) for network in networks]

    def _called(self, network: Any, _: Any) -> None:
        raise AssertionError(f"{type(network).__name__} was called")

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (
            {"control_image": [picture(8)] * 3},
            "3 control images were given for 2 ControlNets; give a list with one for each",
        ),
        ({"controlnet_conditioning_scale": [1.0]}, "controlnet_conditioning_scale has 1 values for 2 ControlNets"),
        ({"control_guidance_start": [0.0] * 3}, "control_guidance_start has 3 values for 2 ControlNets"),
        (
            {"control_guidance_start": 0.6, "control_guidance_end": [0.8, 0.5]},
            "control_guidance_start is 0.6 and control_guidance_end 0.5; control begins before it ends.",
        ),
        ({"control_guidance_start": [1.0, 0.5]}, "control_guidance_start is 1.0 and control_guidance_end 1.0; control"),
        ({"control_guidance_end": 0.0}, "control_guidance_start is 0.0 and control_guidance_end 0.0; control"),
        ({"control_guidance_end": [1.0]}, "control_guidance_end has 1 values for 2 ControlNets"),
        ({"control_mode": 1}, "control_mode is for union ControlNets"),
    ],
)
@pytest.mark.parametrize("task", TASKS)
def test_counts_are_compared_before_anything_is_computed(
    task: str, inputs: dict[str, Any], message: str, tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    pipe = controlled(task, several(tiny_pipe.unet), tiny_folder, tiny_pipe)
    given = {"prompt": "a cat", "num_inference_steps": 2, "control_image": [picture(8)] * 2, **TASKS[task][3], **inputs}
    with NotComputed(pipe.text_encoder, pipe.vae.encoder), pytest.raises(InputError) as caught:
        pipe(**given, output="images")
    assert str(caught.value).startswith(message)


def test_kinds_of_control_are_compared_before_anything_is_computed(
    tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    pipe = controlled("text2image", union(tiny_pipe.unet), tiny_folder, tiny_pipe)
    for inputs, message in (
        ({}, "must be told what its image is"),
        ({"control_mode": [1, 2]}, "given for 2 kinds of control"),
    ):
        with NotComputed(pipe.text_encoder), pytest.raises(InputError, match=message):
            pipe(prompt="a cat", num_inference_steps=2, output="images", **EDGES, **inputs)


def test_a_net_that_scales_its_image_down_otherwise_than_the_vae_is_refused(
    tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    net = controlnet(tiny_pipe.unet, conditioning_embedding_out_channels=(8, 8, 16))
    pipe = controlled("text2image", net, tiny_folder, tiny_pipe)
    said = (
        r"controlnet: a ControlNetModel scales its image down by 4 \(conditioning_embedding_out_channels=\[8, 8, 16\]\), and vae by 8, so "
        "that it fits no latents: they do not belong together"
    )
    with NotComputed(pipe.text_encoder), pytest.raises(InputError, match=said):
        pipe(prompt="a cat", num_inference_steps=2, output="images", **EDGES)
