"""The rows of the table of Stable Diffusion XL: what is asked of each task, alone and in pairs, and in which number formats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import torch
from classic_table import PRESETS, Feature, is_asked
from coarse_images import half_mask, picture, square_mask
from diffusers import DDIMScheduler, EulerAncestralDiscreteScheduler, HeunDiscreteScheduler

ASKED: dict[str, Any] = {
    "prompt": ["a red circle", "two cat on the blue square of green"],
    "negative_prompt": ["a photo of a green square on the circle", "blue"],
    "num_inference_steps": 7,
    "guidance_scale": 5.0,
}
SIZE = {"height": 64, "width": 64}
PICTURE = {"image": picture(3), "strength": 0.63}
GIVEN: dict[str, dict[str, Any]] = {
    "text2image": {**ASKED, **SIZE, "num_inference_steps": 4},
    "image2image": {**ASKED, **PICTURE},
    "inpainting": {**ASKED, **PICTURE, **SIZE, "mask_image": half_mask()},
}
NOISE = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
OF_IMAGES, INPAINTING = ("image2image", "inpainting"), ("inpainting",)
EDGES = {"control_image": picture(8)}
LISTS = ("crop",)
"""The classic takes no list of control images together with a margin around the mask."""
TIMES = ("DDIM", "ancestral", "Heun", "own sigmas", "own timesteps")

FEATURES: dict[str, Feature] = {
    "control": Feature(EDGES, parts={"controlnet": "net"}, steered="control"),
    "control window": Feature(
        {**EDGES, "control_guidance_start": 0.2, "control_guidance_end": 0.6, "controlnet_conditioning_scale": 0.4},
        parts={"controlnet": "net"},
        steered="control",
    ),
    "guess mode": Feature({**EDGES, "guess_mode": True}, parts={"controlnet": "net"}, steered="control"),
    "pooling net": Feature(EDGES, parts={"controlnet": "pooling_net"}, steered="control"),
    "two nets": Feature(
        {
            "control_image": [picture(8), picture(9)],
            "controlnet_conditioning_scale": [0.5, 0.8],
            "control_guidance_start": [0.0, 0.5],
            "control_guidance_end": [0.6, 1.0],
        },
        parts={"controlnet": "two_nets"},
        steered="control",
        excludes=LISTS,
    ),
    "union": Feature(
        {**EDGES, "control_mode": 3}, parts={"controlnet": "union"}, steered="union", excludes=(*LISTS, "9 channels")
    ),
    "adapter": Feature({"adapter_image": [picture(8), picture(9)]}, parts={"adapter": "adapter"}, steered="adapter"),
    "adapter for a while": Feature(
        {
            "adapter_image": [picture(8), picture(9)],
            "adapter_conditioning_scale": 0.4,
            "adapter_conditioning_factor": 0.6,
        },
        parts={"adapter": "adapter"},
        steered="adapter",
    ),
    "image prompt": Feature({"ip_adapter_image": picture(5)}, loaded=("ip",)),
    "LoRA": Feature({"cross_attention_kwargs": {"scale": 0.6}}, loaded=("lora",)),
    "rescale": Feature(rescale=0.7),
    "clip skip": Feature({"clip_skip": 1}),
    "no guidance": Feature({"guidance_scale": 1.0}),
    "nothing negative": Feature(without=("negative_prompt",)),
    "sizes": Feature({"original_size": (96, 80), "crops_coords_top_left": (4, 8), "target_size": (128, 72)}),
    "negative sizes": Feature({"negative_original_size": (32, 40), "negative_target_size": (16, 24)}),
    "DDIM": Feature({"eta": 0.6}, parts={"scheduler": DDIMScheduler}, excludes=TIMES),
    "ancestral": Feature(parts={"scheduler": EulerAncestralDiscreteScheduler}, excludes=TIMES),
    "Heun": Feature(parts={"scheduler": HeunDiscreteScheduler}, excludes=("own sigmas",)),
    "own sigmas": Feature({"sigmas": [14.0, 12.0, 8.0, 5.0, 3.0, 1.5, 0.7, 0.3, 0.0]}, excludes=TIMES),
    "own timesteps": Feature({"timesteps": [950, 801, 620, 433, 250, 99]}),
    "end": Feature({"denoising_end": 0.55, "num_inference_steps": 11}),
    "start and end": Feature({"denoising_start": 0.3, "denoising_end": 0.8, "num_inference_steps": 9}, tasks=OF_IMAGES),
    "full strength": Feature({"strength": 1.0, "num_inference_steps": 4}, tasks=OF_IMAGES),
    "two images each": Feature({"num_images_per_prompt": 2}),
    "a picture each": Feature(
        {"image": [picture(3), picture(4)]}, tasks=OF_IMAGES, excludes=("two images each", "crop")
    ),
    "a generator each": Feature({"seeds": [1, 2]}, tasks=("text2image", "image2image"), excludes=("two images each",)),
    "latents": Feature(
        {"image": NOISE},
        tasks=OF_IMAGES,
        # The classic masks latents in pixels, or has nothing that is masked.
        excludes=(
            "crop",
            "9 channels",
            *("control", "control window", "guess mode", "pooling net", "two nets", "union"),
        ),
    ),
    "size of the image": Feature(without=("height", "width"), tasks=INPAINTING),
    "crop": Feature({"mask_image": square_mask(), "padding_mask_crop": 8, "output_type": "pil"}, tasks=INPAINTING),
    "9 channels": Feature(parts={"channels": 9}, tasks=INPAINTING),
    "VAE that never overflows": Feature(parts={"vae": "calm_vae"}),
    "VAE with statistics": Feature(parts={"vae": "counted_vae"}),
    "not decoded": Feature({"output_type": "latent"}),
    "auto": Feature(auto=True, excludes=("adapter", "adapter for a while")),
}

FLOAT32: dict[str, list[str]] = {
    "text2image": [
        "auto, control, nothing negative, clip skip",
        "control window, end, two images each",
        "guess mode, LoRA, sizes",
        "pooling net, image prompt, DDIM",
        "two nets, ancestral, a generator each",
        "union, own sigmas, image prompt",
        "adapter, image prompt, rescale",
        "adapter for a while, end, LoRA",
        "adapter, Heun",
        "no guidance, control",
        "negative sizes, sizes, control",
        "own timesteps, Heun, VAE that never overflows",
        "VAE with statistics, image prompt, LoRA",
    ],
    "image2image": [
        "auto, control, clip skip",
        "own sigmas, LoRA, image prompt",
        "own timesteps, Heun, rescale",
        "control window, image prompt, negative sizes",
        "guess mode, LoRA",
        "pooling net, two images each",
        "two nets, ancestral, a generator each",
        "union, VAE that never overflows, sizes",
        "start and end, rescale, negative sizes",
        "full strength, own timesteps",
        "a picture each, DDIM, VAE with statistics",
        "latents, end, image prompt",
    ],
    "inpainting": [
        "nothing negative, rescale",
        "auto, control, crop, image prompt",
        "control, crop, size of the image, LoRA",
        "control, size of the image, no guidance",
        "control window, end, a picture each",
        "guess mode, rescale, two images each",
        "pooling net, DDIM",
        "two nets, ancestral, image prompt",
        "union, size of the image, VAE that never overflows",
        "control, 9 channels, crop, ancestral",
        "image prompt, LoRA, 9 channels",
        "own sigmas, 9 channels, rescale",
        "own timesteps, Heun, negative sizes",
        "DDIM, 9 channels, two images each",
        "ancestral, latents, sizes",
        "start and end, clip skip",
        "full strength, 9 channels, a picture each",
        "negative sizes, crop, ancestral",
        "VAE with statistics, not decoded",
    ],
}
HALF: dict[str, list[str]] = {
    "text2image": ["control, clip skip", "adapter, rescale"],
    "image2image": ["image prompt, LoRA, own sigmas, negative sizes", "control, VAE that never overflows"],
    "inpainting": ["control, crop, DDIM", "9 channels, ancestral, VAE that never overflows"],
}
FEWER: dict[str, list[str]] = {
    "text2image": HALF["text2image"][:1],
    "image2image": HALF["image2image"][:1],
    "inpainting": HALF["inpainting"],
}
"""For float16, in which a CPU is slow."""
FORMATS = {
    "float32": FLOAT32,
    "bfloat16": {**HALF, "image2image": [*HALF["image2image"], "VAE with statistics"]},
    "float16": FEWER,
}


def covering() -> Iterator[Any]:
    """Each task, feature and format, and the pairs that meet in the code."""
    for dtype, tasks in FORMATS.items():
        for task, rows in tasks.items():
            for row in rows:
                yield dtype, task, tuple(row.split(", "))


NO_STEP_LEFT = {"own timesteps", "end"}
"""Of images: the classic runs no step then, and the preset refuses it."""


def every_pair() -> Iterator[Any]:
    """All pairs of features that the classic takes together."""
    for dtype in FORMATS:
        for task in PRESETS:
            singles = [(name,) for name in FEATURES]
            for names in ((), *singles, *combinations(FEATURES, 2)):
                if task in OF_IMAGES and {*names} == NO_STEP_LEFT:
                    continue
                if go_together(names) and is_asked(task, [FEATURES[name] for name in names]):
                    yield dtype, task, names


def go_together(names: Sequence[str]) -> bool:
    """Return whether features ask for different things, and the classic takes them together."""
    return all(
        FEATURES[one].goes_with(FEATURES[other])
        and one not in FEATURES[other].excludes
        and other not in FEATURES[one].excludes
        for one, other in combinations(names, 2)
    )
