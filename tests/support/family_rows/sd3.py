"""Stable Diffusion 3 beside its classic pipelines.

Those with ControlNets draw the control image's latents from torch's global generator, and for the two halves of guidance apart, so that no
seed makes their images again. Here, and in the rows, they are the VAE's most likely ones. What else they do wrong has no row, as they
raise: `controlnet_pooled_projections` is asked for its truth, schedulers that shift by size are told no size beside ControlNets, and an image
prompt has too many rows for skipped layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import diffusers
from coarse_images import band_map, half_mask, picture
from family_table import Family, Feature, Task
from tiny_families import sd3_controlnet, sd3_ip_adapter, sd3_transformer, siglip, stable_diffusion_3

from brickwork import SkipLayerGuidance
from brickwork.blocks.core.insertable_dict import InsertableDict
from brickwork.presets.sd3 import (
    CONTROLNET_TEXT2IMAGE,
    DIFFERENTIAL_BLOCKS,
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    IP_ADAPTER_BLOCKS,
    TEXT2IMAGE_BLOCKS,
)


def make() -> dict[str, Any]:
    return stable_diffusion_3()


def shifting() -> Any:
    return diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0)


@contextmanager
def shifted(classic: Any) -> Iterator[None]:
    """Decode latents with their shift, which the classic inpainting forgets (and no other of its pipelines)."""
    decode = classic.vae.decode
    classic.vae.decode = lambda latents, **options: decode(
        latents + classic.vae.config.shift_factor,
        **{name: each for name, each in options.items() if name != "generator"},
    )
    try:
        yield
    finally:
        del classic.vae.decode


@contextmanager
def likely(classic: Any) -> Iterator[None]:
    """Encode control images to the most likely latents."""
    encode = classic.vae.encode

    def encoded(pixels: Any) -> Any:
        found = encode(pixels)
        found.latent_dist.sample = found.latent_dist.mode
        return found

    classic.vae.encode = encoded
    try:
        yield
    finally:
        del classic.vae.encode


def deep() -> Any:
    """A transformer of several blocks: the last of them is not steered."""
    return sd3_transformer(num_layers=3)


def nets() -> Any:
    return diffusers.SD3MultiControlNetModel([sd3_controlnet(num_layers=2), sd3_controlnet(4, num_layers=2)])


def masked_nets() -> Any:
    return diffusers.SD3MultiControlNetModel([masked(), masked(seed=4)])


def seeing(layers: int) -> Any:
    """A transformer with an IP-Adapter."""
    made = sd3_transformer(num_layers=layers)
    made._load_ip_adapter_weights(sd3_ip_adapter(layers))
    return made


def with_image_prompt(blocks: Mapping[str, Any]) -> Mapping[str, Any]:
    return InsertableDict(blocks).insert("ip_adapter", IP_ADAPTER_BLOCKS["ip_adapter"], 0)


def shown(layers: int, inputs: Mapping[str, Any], tasks: Sequence[str]) -> Feature:
    """A task with an image as a prompt."""
    parts = {"transformer": partial(seeing, layers), **{name: partial(siglip().get, name) for name in siglip()}}
    return Feature(inputs, parts=parts, blocks=with_image_prompt, tasks=tasks, formats=("float32", "bfloat16"))


PLAIN = ("text2image", "image2image", "inpainting")
STEERED = ("controlnet text2image", "controlnet inpainting")
masked = partial(sd3_controlnet, extra_conditioning_channels=1, force_zeros_for_pooled_projection=True)
ASKED = {
    "prompt": ["a red circle", "two cat on the blue square of green"],
    "negative_prompt": ["a photo of a green square on the circle", "blue"],
    "num_inference_steps": 4,
    "guidance_scale": 5.0,
    "height": 64,
    "width": 64,
}
PICTURE = {**ASKED, "image": picture(3), "num_inference_steps": 7}
IMAGE = {**PICTURE, "strength": 0.63}
STEERING = {**ASKED, "control_image": picture(8), "controlnet_conditioning_scale": 0.6}
FAMILY = Family(
    "sd3",
    "transformer",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, diffusers.StableDiffusion3Pipeline, ASKED),
        "image2image": Task(IMAGE2IMAGE_BLOCKS, diffusers.StableDiffusion3Img2ImgPipeline, IMAGE),
        "inpainting": Task(
            INPAINT_BLOCKS, diffusers.StableDiffusion3InpaintPipeline, {**IMAGE, "mask_image": half_mask()}, shifted
        ),
        "differential": Task(DIFFERENTIAL_BLOCKS, None, {**PICTURE, "change_map": band_map(0, 0.3, 0.7, 1)}),
        "controlnet text2image": Task(
            CONTROLNET_TEXT2IMAGE,
            diffusers.StableDiffusion3ControlNetPipeline,
            STEERING,
            likely,
            parts={"controlnet": sd3_controlnet, "transformer": deep},
        ),
        "controlnet inpainting": Task(
            CONTROLNET_TEXT2IMAGE,
            diffusers.StableDiffusion3ControlNetInpaintingPipeline,
            {**STEERING, "control_mask": half_mask()},
            likely,
            parts={"controlnet": masked, "transformer": deep},
        ),
    },
    {
        "no guidance": Feature({"guidance_scale": 1.0}),
        "own prompts": Feature({"prompt_2": ["green", "red"], "negative_prompt_3": "a circle"}, tasks=("text2image",)),
        "no T5": Feature(parts={"text_encoder_3": lambda: None, "tokenizer_3": lambda: None}),
        "shift by size": Feature({"height": 96}, parts={"scheduler": shifting}, tasks=PLAIN),
        "own sigmas": Feature(
            {"sigmas": [1.0, 0.8, 0.5, 0.2]}, without=("num_inference_steps",), tasks=("text2image",)
        ),
        "clip skip": Feature({"clip_skip": 1}, tasks=("text2image",)),
        "tokens": Feature({"max_sequence_length": 40}, tasks=("text2image",)),
        "two images each": Feature({"num_images_per_prompt": 2}, tasks=("text2image",)),
        "skip layers": Feature(
            guider=lambda: SkipLayerGuidance(
                skip_layer_guidance_start=0.25, skip_layer_guidance_stop=0.75, skip_layer_guidance_layers=[0]
            ),
            classic={"skip_guidance_layers": [0], "skip_layer_guidance_stop": 0.75},
            tasks=("text2image",),
        ),
        "seeds": Feature({"seeds": [3, 4]}, tasks=("text2image",)),
        "crop": Feature({"padding_mask_crop": 8, "output_type": "pil"}, tasks=("inpainting",)),
        "control window": Feature({"control_guidance_start": 0.2, "control_guidance_end": 0.8}, tasks=STEERED),
        "no pooled text": Feature(
            parts={"controlnet": partial(sd3_controlnet, force_zeros_for_pooled_projection=True)},
            tasks=("controlnet text2image",),
        ),
        "no words": Feature(
            parts={"controlnet": partial(sd3_controlnet, joint_attention_dim=None, use_pos_embed=False)},
            tasks=("controlnet text2image",),
        ),
        "two nets": Feature(
            {"control_image": [picture(8), picture(9)], "controlnet_conditioning_scale": [0.5, 0.8]},
            parts={"controlnet": nets},
            tasks=("controlnet text2image",),
        ),
        "two masked nets": Feature(
            {"control_image": [picture(8), picture(9)], "controlnet_conditioning_scale": [0.5, 0.8]},
            parts={"controlnet": masked_nets},
            tasks=("controlnet inpainting",),
        ),
        "image prompt": shown(1, {"ip_adapter_image": picture(5)}, PLAIN),
        "image prompt beside control": shown(3, {"ip_adapter_image": picture(5)}, STEERED),
        "full strength": Feature({"strength": 1.0}, tasks=("inpainting", "image2image")),
    },
)
