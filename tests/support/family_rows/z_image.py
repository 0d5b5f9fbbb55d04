"""Z-Image beside its classic pipelines.

Those of images draw noise in half precision where the text encoder is in it, and not as that of text alone; so these are compared in float32. The one of
inpainting blends latents that lie as PIL lays images out, for which the VAE's kernels round otherwise; in the rows it decodes them as all others do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import diffusers
from asked_of_texts import ASKED, OF_IMAGE, OF_MASK, free_tasks
from family_table import Family, Feature, Task
from tiny_language import qwen3, seeded, vae

from brickwork.presets import z_image
from brickwork.presets.z_image import IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS, TEXT2IMAGE_BLOCKS


def transformer(channels: int = 4) -> Any:
    return diffusers.ZImageTransformer2DModel(
        in_channels=channels,
        dim=24,
        n_layers=1,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
        cap_feat_dim=16,
        axes_dims=[4, 4, 4],
        axes_lens=[512, 64, 64],
    )


def make() -> dict[str, Any]:
    seeded()
    return {
        **qwen3(),
        "transformer": transformer(),
        "vae": vae(shift_factor=0.1),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
    }


def shifting() -> Any:
    return diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)


@contextmanager
def laid_out(classic: Any) -> Iterator[None]:
    """Decode latents whose channels come one after the other."""
    decode = classic.vae.decode
    classic.vae.decode = lambda latents, **options: decode(latents.contiguous(), **options)
    try:
        yield
    finally:
        del classic.vae.decode


MORE = {"max_sequence_length": 80}
FAMILY = Family(
    "z_image",
    "transformer",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, diffusers.ZImagePipeline, {**ASKED, **MORE}),
        "image2image": Task(
            IMAGE2IMAGE_BLOCKS, diffusers.ZImageImg2ImgPipeline, {**ASKED, **MORE, **OF_IMAGE}, formats=("float32",)
        ),
        "inpainting": Task(
            INPAINT_BLOCKS,
            diffusers.ZImageInpaintPipeline,
            {**ASKED, **MORE, **OF_MASK},
            laid_out,
            formats=("float32",),
        ),
        "differential": free_tasks(z_image, **MORE)["differential"],
    },
    {
        "no guidance": Feature({"guidance_scale": 0.0}),
        "shift by size": Feature(parts={"scheduler": shifting}),
        "two images each": Feature({"num_images_per_prompt": 2}, tasks=("text2image",)),
        "own sigmas": Feature(
            {"sigmas": [1.0, 0.8, 0.5, 0.2]}, without=("num_inference_steps",), tasks=("text2image",)
        ),
        "full strength": Feature({"strength": 1.0}, tasks=("inpainting", "image2image")),
    },
    conditional_first=2,
)
