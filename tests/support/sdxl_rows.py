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
        "", "nothing negative", "auto", "control, image prompt", "control window, end", "guess mode, LoRA", "pooling net, sizes",
        "two nets, ancestral", "union, two images each", "adapter, image prompt", "adapter for a while, end", "adapter, rescale",
        "image prompt, LoRA", "clip skip, DDIM", "no guidance, control", "negative sizes", "negative sizes, control",
        "own sigmas, two images each", "own timesteps, Heun", "a generator each, ancestral", "VAE that never overflows",
        "VAE with statistics", "adapter, Heun", "adapter, LoRA",
    ],
    "image2image": [
        "", "auto, control", "own sigmas, LoRA", "own timesteps, rescale", "own timesteps, Heun", "control window, image prompt",
        "guess mode", "pooling net", "two nets, two images each", "union", "negative sizes, sizes", "start and end, rescale",
        "full strength, ancestral", "a picture each, DDIM", "a generator each", "latents, end", "VAE with statistics, control",
        "image prompt, LoRA",
    ],
    "inpainting": [
        "", "nothing negative, rescale", "auto, control, crop", "control, crop", "control, crop, size of the image",
        "control, size of the image", "control window, end", "guess mode, rescale", "pooling net", "two nets, ancestral", "union",
        "union, size of the image", "control, 9 channels, crop", "image prompt, LoRA", "own sigmas, 9 channels",
        "own timesteps, two images each", "own timesteps, Heun", "DDIM, 9 channels", "ancestral, two images each", "ancestral, latents",
        "a picture each, DDIM", "start and end", "full strength, 9 channels", "negative sizes, crop", "VAE with statistics",
        "clip skip, not decoded", "image prompt, crop, 9 channels",
    ],
}  # fmt: skip
HALF: dict[str, list[str]] = {
    "text2image": ["control, clip skip", "adapter, image prompt"],
    "image2image": ["image prompt, LoRA", "control, VAE that never overflows", "own sigmas, negative sizes"],
    "inpainting": ["control, crop", "9 channels, ancestral", "VAE that never overflows, DDIM"],
}
FORMATS = {
    "float32": FLOAT32,
    "bfloat16": {**HALF, "image2image": [*HALF["image2image"], "VAE with statistics"]},
    "float16": HALF,
}


def covering() -> Iterator[Any]:
    """Each task, feature and format, and the pairs that meet in the code."""
    for dtype, tasks in FORMATS.items():
        for task, rows in tasks.items():
            for row in rows:
                yield dtype, task, tuple(row.split(", ")) if row else ()


def every_pair() -> Iterator[Any]:
    """All pairs of features that the classic takes together."""
    for dtype in FORMATS:
        for task in PRESETS:
            singles = [(name,) for name in FEATURES]
            for names in (*singles, *combinations(FEATURES, 2)):
                if _go_together(names) and is_asked(task, [FEATURES[name] for name in names]):
                    yield dtype, task, names


def _go_together(names: Sequence[str]) -> bool:
    return all(
        FEATURES[one].goes_with(FEATURES[other])
        and one not in FEATURES[other].excludes
        and other not in FEATURES[one].excludes
        for one, other in combinations(names, 2)
    )
