"""Inputs of the wrong kind, in every family: each is refused in words before the denoiser is called."""

from __future__ import annotations

import logging
import re
from functools import partial
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from sd_variants import LATENT_UPSCALER, SMALL
from technique_families import contract, drawn, family, pipe_of
from tiny_sd import unet as sd_unet

from brickwork import ClassifierFreeGuidance, EmbeddedGuidance, InputError, SequentialPipelineBlocks
from brickwork.blocks.steps.denoiser_fit import control_faults, image_prompt_faults
from brickwork.presets.regions import with_regions
from brickwork.presets.windows import with_windows

LATENTS = partial(torch.zeros, 1, 4, 8, 8)
EMBEDS = [torch.zeros(1, 1, 8)]
NO_ADAPTER = "ip_adapter_embeds is given, and the denoiser has no IP-Adapter"
ADAPTED = ("stable_diffusion", "sdxl", "sd3", "flux")
OF_OTHER_SIZE = r"control_image is latents of 16x16 pixels, and the run is for 32x48"


def run(name: str, task: str, **inputs: Any) -> Any:
    """The result of a task of a family, with the inputs of its row in the table and others; None leaves one out."""
    row = family(name).tasks[task]
    pipe = pipe_of(name, task=task, **{key: make() for key, make in row.parts.items()})
    given = {key: value for key, value in {**row.given, **row.mine, **inputs}.items() if value is not None}
    return pipe(**given, seed=1, output="latents")


WRONG: list[tuple[str, str, dict[str, Any], str]] = [
    # Sizes.
    ("ddpm", "unconditional", {"height": 15, "width": 16}, r"The images are 15x16 .* multiples of 2\. The nearest are 16x16"),
    ("ddpm", "unconditional", {"height": 16, "width": 17}, r"The images are 16x17 .* multiples of 2\. The nearest are 16x16"),
    ("ddpm", "unconditional", {"height": 17, "width": 16, "latents": torch.zeros(2, 3, 17, 16)}, "multiples of 2"),
    ("ddpm", "image2image", {"image": torch.zeros(1, 5, 16, 16)}, r"have 5 channels, and the UNet reads 3"),
    ("dit", "class2image", {"height": 32, "width": 16}, r"The latents are 16x8 .* draws squares: give height= and width= that are the same"),
    ("dit", "image2image", {"image": torch.zeros(1, 3, 16, 32)}, r"The latents are 8x16 .* or a square image"),
    ("sd3", "text2image", {"height": 1552, "width": 16}, r"The latents are 194x2 .* places for 192x192 of them \(pos_embed_max_size=96\)"),
    ("sd3", "text2image", {"height": 16, "width": 1552}, r"The latents are 2x194 .* give a smaller height or width"),
    # Latents in the place of images and masks.
    ("stable_diffusion", "depth2image", {"image": LATENTS(), "depth_map": None}, "image is latents, of which depth_estimator sees nothing"),
    ("flux", "control", {"control_image": torch.zeros(1, 16, 2, 2)}, OF_OTHER_SIZE),
    ("stable_diffusion", "text2image", {"guidance_memory": True}, "guidance_memory is True"),
    ("flux", "controlnet text2image", {"control_image": torch.zeros(1, 16, 2, 2)}, OF_OTHER_SIZE),
    ("stable_diffusion", "inpainting", {"mask_image": torch.zeros(1, 16, 8, 8)}, r"mask_image has the shape \[1, 16, 8, 8\]"),
    ("sd3", "controlnet inpainting", {"control_mask": torch.zeros(1, 16, 8, 8)}, r"control_mask has the shape \[1, 16, 8, 8\]"),
    ("flux", "text2image", {"reference_latents": torch.zeros(2, 4, 4, 4)}, "reference_latents have 4 channels"),
    ("flux", "text2image", {"reference_latents": torch.zeros(2, 16, 3, 4)}, "reads squares of 2x2"),
    ("flux", "text2image", {"extra_channels": torch.zeros(1, 16, 8, 8)}, "extra_channels holds 1 row, and 2 are drawn; give one for each"),
    # What a guider has no use for.
    ("stable_diffusion", "text2image", {"guidance_memory": "x"}, "guidance_memory is 'x'"),
    # Images as prompts.
    *((name, "text2image", {"ip_adapter_embeds": EMBEDS}, NO_ADAPTER) for name in ADAPTED if name != "sdxl"),
    *((name, "text2image", {"negative_ip_adapter_embeds": EMBEDS}, f"negative_{NO_ADAPTER}") for name in ADAPTED if name != "sdxl"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "task", "inputs", "said"), WRONG)
def test_what_is_of_the_wrong_kind_is_refused(name: str, task: str, inputs: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        run(name, task, **inputs)


@pytest.mark.parametrize(
    ("name", "task", "kind"),
    [("flux", "text2image", "FlowMatchEulerDiscreteScheduler"), ("ddpm", "unconditional", "DDPMScheduler")],
)
def test_eta_for_a_solver_that_reads_none_is_said_once(
    name: str, task: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Not refused: callers of the classic pipelines give it to all solvers."""
    run(name, task, eta=0.5)
    said = [record.getMessage() for record in caplog.records if "eta is 0.5" in record.getMessage()]
    assert len(said) == 1
    assert f"{kind} reads none, so it changes nothing" in said[0]
    caplog.clear()
    run(name, task, eta=0.0)
    assert not any("eta" in record.getMessage() for record in caplog.records)


def test_eta_is_taken_by_a_solver_that_reads_it() -> None:
    pipe = pipe_of("stable_diffusion", scheduler=diffusers.DDIMScheduler())
    assert not torch.equal(drawn(pipe, "stable_diffusion", eta=0.5), drawn(pipe, "stable_diffusion"))
    pipe.update_components(scheduler=diffusers.PNDMScheduler(skip_prk_steps=True))
    drawn(pipe, "stable_diffusion", eta=0.0)


@pytest.mark.parametrize(
    "value", ["x", [1.0], [np.zeros((1, 1, 8))], [], [torch.zeros(1, 8)], [torch.zeros(1, 1, 8, dtype=int)]]
)
@pytest.mark.parametrize("name", ["ip_adapter_embeds", "negative_ip_adapter_embeds"])
def test_embeddings_of_images_are_tensors(name: str, value: Any) -> None:
    pipe = pipe_of("stable_diffusion")
    adapted = type(
        "Adapted", (), {"encoder_hid_proj": type("P", (), {"image_projection_layers": [torch.nn.Identity()]})}
    )
    (said,) = image_prompt_faults(contract("stable_diffusion"), adapted, {name: value})
    assert said.startswith(f"{name} is ")
    assert "one tensor of floating-point numbers for each IP-Adapter" in said
    (said,) = image_prompt_faults(contract("stable_diffusion"), adapted, {name: EMBEDS * 2})
    assert said == f"{name} holds 2 tensors, and the denoiser has 1 IP-Adapters; give one for each."
    assert not list(image_prompt_faults(contract("stable_diffusion"), adapted, {name: EMBEDS}))
    assert not list(image_prompt_faults(contract("stable_diffusion"), pipe.unet, {name: None}))


def told(caplog: pytest.LogCaptureFixture, **inputs: Any) -> list[str]:
    caplog.clear()
    name = inputs.pop("family")
    with caplog.at_level(logging.WARNING, "brickwork"):
        drawn(pipe_of(name), name, **inputs)
    return [record.getMessage() for record in caplog.records if "changes nothing" in record.getMessage()]


def test_a_negative_prompt_that_counts_nothing_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    (said,) = told(caplog, family="flux", negative_prompt="blue")
    assert "negative_prompt changes nothing: EmbeddedGuidance makes no negative prediction" in said
    assert "EmbeddedGuidance(guider=ClassifierFreeGuidance(guidance_scale=...))" in said
    (said,) = told(caplog, family="sd3", negative_prompt="blue", guidance_scale=1.0)
    assert "negative_prompt changes nothing: ClassifierFreeGuidance" in said
    assert "guidance_scale above 1" in said
    embeds = {"negative_prompt_embeds": torch.zeros(2, 16, 16)}
    (said,) = told(caplog, family="stable_diffusion", guidance_scale=1.0, **embeds)
    assert "negative_prompt_embeds changes nothing" in said
    for given in ({}, {"negative_prompt": ""}, {"negative_prompt": "blue", "guidance_scale": 3.0}):
        assert told(caplog, family="sd3", **{"guidance_scale": 1.0, **given}) == []
    true = EmbeddedGuidance(guider=ClassifierFreeGuidance(guidance_scale=2.0))
    assert told(caplog, family="flux", negative_prompt="blue", guider=true) == []


def components() -> list[tuple[str, dict[str, Any], str]]:
    sd, flux, sdxl = (family(name).parts("float32") for name in ("stable_diffusion", "flux", "sdxl"))
    return [
        ("flux", {"vae": sd["vae"]}, r"transformer predicts latents of 16 channels, and vae has latents of 4"),
        ("stable_diffusion", {"vae": flux["vae"]}, r"unet predicts latents of 4 channels, and vae has latents of 16"),
        ("sd3", {"vae": sd["vae"]}, r"transformer predicts latents of 16 channels, and vae has latents of 4"),
        ("dit", {"vae": flux["vae"]}, r"transformer predicts latents of 4 channels, and vae has latents of 16"),
        ("stable_diffusion", {"unet": sdxl["unet"]}, r"unet has addition_embed_type='text_time'"),
        ("stable_diffusion", {"unet": sdxl["unet"]}, r"unet reads texts that are 40 wide, and text_encoder make \d+"),
        ("stable_diffusion", {"unet": sd_unet(cross_attention_dim=24)}, r"unet reads texts that are 24 wide"),
        ("sdxl", {"unet": sd["unet"]}, r"unet reads texts that are \d+ wide, and text_encoder and text_encoder_2 make 40"),
    ]  # fmt: skip


@pytest.mark.parametrize("number", range(8))
def test_components_of_another_family_are_refused(number: int) -> None:
    name, parts, said = components()[number]
    pipe = pipe_of(name)
    pipe.update_components(**parts)
    with pytest.raises(InputError, match=said):
        drawn(pipe, name)


def test_the_class_of_the_whole_image_stands_first() -> None:
    mask = np.zeros((16, 16), "float32")
    mask[:, :8] = 1
    pipe = pipe_of("dit", with_regions)
    rest: dict[str, Any] = {"region_labels": [5], "region_masks": [mask], "num_inference_steps": 2, "seed": 1}
    assert torch.equal(pipe([3], **rest, output="latents"), pipe(class_labels=[3], **rest, output="latents"))


@pytest.mark.parametrize("given", [{"window_height": 65}, {"window_width": 7}, {"window_stride": 9}])
def test_a_window_of_a_wrong_size_is_said_once(given: dict[str, int]) -> None:
    ((name, size),) = given.items()
    with pytest.raises(InputError) as caught:
        drawn(pipe_of("stable_diffusion", with_windows), "stable_diffusion", **given)
    assert str(caught.value).count(f"{name} is {size}") == 1


def test_a_small_image_is_refused_by_the_latent_upscaler() -> None:
    parts = {name: make() for name, make in LATENT_UPSCALER.items()}
    pipe = pipe_of("stable_diffusion", task="latent upscaling", **parts)
    with pytest.raises(InputError, match="The latents, twice those of the image, are 2x2 .* multiples of 4"):
        pipe("a cat", image=SMALL[0].resize((8, 8)), num_inference_steps=2, seed=1)


def test_an_image_in_latents_has_the_depth_that_is_given_beside_it() -> None:
    torch.manual_seed(0)
    given = {"image": torch.randn(1, 4, 32, 32), "depth_map": torch.rand(1, 40, 48)}
    assert run("stable_diffusion", "depth2image", **given).shape[-2:] == (32, 32)


OTHER_NETS: list[tuple[str, dict[str, Any], str]] = [
    *(("sd3", {setting: 64}, f"has {setting} 64, and transformer has 32") for setting in ("joint_attention_dim", "caption_projection_dim", "pooled_projection_dim")),
    ("sd3", {"num_attention_heads": 8}, r"has a width \(num_attention_heads \* attention_head_dim\) of 64, and transformer has 32"),
    ("sd3", {"patch_size": 4}, "has patch_size 4, and transformer has 2"),
    ("sd3", {"in_channels": 4, "pos_embed_type": "sincos"}, "has in_channels 4, and transformer has 16"),
    ("hunyuan_dit", {"hidden_size": 32}, "has hidden_size 32, and transformer has 16"),
    ("hunyuan_dit", {"cross_attention_dim": 32}, "has cross_attention_dim 32, and transformer has 16"),
    ("hunyuan_dit", {"cross_attention_dim_t5": 64}, "has cross_attention_dim_t5 64, and transformer has 32"),
]  # fmt: skip


def other_net(net: Any, config: dict[str, Any]) -> Any:
    """One like it, but for some settings. What a configuration lists as defaults would be taken for such."""
    return type(net).from_config({**net.config, "_use_default_values": [], **config})


@pytest.mark.parametrize(("name", "config", "said"), OTHER_NETS)
def test_a_controlnet_of_another_transformer_is_refused(name: str, config: dict[str, Any], said: str) -> None:
    task = "controlnet text2image"
    row = family(name).tasks[task]
    parts = {key: make() for key, make in row.parts.items()}
    net = parts["controlnet"]
    parts["controlnet"] = other_net(net, config)
    with pytest.raises(InputError, match=f"controlnet: an? {type(net).__name__} {said}: they do not belong together"):
        pipe_of(name, task=task, **parts)(**row.given, seed=1)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"in_channels": 8}, "in_channels 8, and unet has 4"),
        ({"block_out_channels": (32, 64)}, r"block_out_channels \(32, 64\), and unet has \(16, 32\)"),
        ({"layers_per_block": 3}, "layers_per_block 3, and unet has 1"),
        ({"cross_attention_dim": 8}, "cross_attention_dim 8, and unet has 16"),
        ({"class_embed_type": "identity"}, "class_embed_type identity, and unet has None"),
        (
            {
                "addition_embed_type": "text_time",
                "addition_time_embed_dim": 8,
                "projection_class_embeddings_input_dim": 64,
            },
            "addition_embed_type text_time, and unet has None",
        ),
    ],
)
def test_a_controlnet_of_another_unet_is_refused(config: dict[str, Any], said: str) -> None:
    net = family("stable_diffusion").features["control"].parts["controlnet"]()
    other = other_net(net, config)
    unet = family("stable_diffusion").parts("float32")["unet"]
    (found,) = control_faults(contract("stable_diffusion"), "controlnet", [net, other], {"unet": unet})
    assert re.search(f"controlnet: a ControlNetModel has {said}: they do not belong together", found)


def test_a_controlnet_of_a_unet_that_reads_more_than_latents_is_taken() -> None:
    net = family("stable_diffusion").features["control"].parts["controlnet"]()
    for unet in (sd_unet(in_channels=9), sd_unet(layers_per_block=[1, 1])):
        assert list(control_faults(contract("stable_diffusion"), "controlnet", [net], {"unet": unet})) == []


@pytest.mark.parametrize("shape", [(4, 1, 8), (4, 1, 5, 8)])
def test_embeddings_of_images_have_the_width_that_the_adapter_reads(shape: tuple[int, ...]) -> None:
    feature = family("stable_diffusion").features["image prompt"]
    assert feature.blocks is not None
    pipe = SequentialPipelineBlocks.from_blocks_dict(
        feature.blocks(family("stable_diffusion").tasks["text2image"].blocks)
    )
    made = pipe.init_pipeline()
    parts = {**family("stable_diffusion").parts("float32"), **{key: make() for key, make in feature.parts.items()}}
    made.update_components(**{key: each for key, each in parts.items() if key in made.component_names})
    said = (
        r"ip_adapter_image_embeds holds a tensor of the shape .* and the IP-Adapter reads embeddings that are 24 wide"
    )
    with pytest.raises(InputError, match=said):
        made("a circle", height=64, width=64, ip_adapter_image_embeds=[torch.zeros(shape)])
    (found,) = image_prompt_faults(
        contract("stable_diffusion"), parts["unet"], {"ip_adapter_embeds": [torch.zeros(shape)]}
    )
    assert found.startswith("ip_adapter_embeds holds a tensor of the shape")
