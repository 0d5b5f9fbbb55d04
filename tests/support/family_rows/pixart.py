"""PixArt-Sigma and PixArt-alpha beside their classic pipelines, which know no other task than text to image.

They are asked for sizes as they are: their own resolution bins are read on docs/families.md.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import diffusers
from asked_of_texts import ASKED, free_tasks
from family_table import Family, Feature, Task
from tiny_language import seeded, t5, vae

from brickwork.presets import pixart
from brickwork.presets.pixart import ALPHA_TEXT2IMAGE_BLOCKS, PIXART_SIGMA, TEXT2IMAGE_BLOCKS
from brickwork.presets.tasks import with_trained_sizes


def transformer(**changes: Any) -> Any:
    return diffusers.PixArtTransformer2DModel(
        **{
            "num_attention_heads": 2,
            "attention_head_dim": 12,
            "cross_attention_dim": 24,
            "num_layers": 1,
            "sample_size": 4,
            "caption_channels": 32,
            "norm_num_groups": 8,
            **changes,
        }
    )


def make() -> dict[str, Any]:
    seeded()
    return {
        **t5(),
        "transformer": transformer(),
        "vae": vae(),
        "scheduler": diffusers.DPMSolverMultistepScheduler(),
    }


MORE = {"max_sequence_length": 24, "prompt": ["a Red circle ", "two cat on the blue square of green"]}
OWN_SIZES = {"use_resolution_binning": False, "clean_caption": False}
FAMILY = Family(
    "pixart",
    "transformer",
    make,
    {
        "text2image": Task(
            TEXT2IMAGE_BLOCKS, diffusers.PixArtSigmaPipeline, {**ASKED, **MORE}, classic_given=OWN_SIZES
        ),
        "alpha text2image": Task(
            ALPHA_TEXT2IMAGE_BLOCKS,
            diffusers.PixArtAlphaPipeline,
            {**ASKED, **MORE},
            classic_given=OWN_SIZES,
            parts={"transformer": partial(transformer, sample_size=128)},
        ),
        **free_tasks(pixart, **MORE),
    },
    {
        "no guidance": Feature({"guidance_scale": 1.0}),
        "two images each": Feature({"num_images_per_prompt": 2}, tasks=("text2image",)),
        "mean alone": Feature(parts={"transformer": partial(transformer, out_channels=4)}, tasks=("text2image",)),
        "trained sizes": Feature(
            {"height": 48, "width": 80},
            classic={"use_resolution_binning": True},
            parts={"transformer": partial(transformer, sample_size=32)},
            tasks=("text2image",),
            blocks=partial(with_trained_sizes, family=PIXART_SIGMA),
        ),
        "Euler": Feature(parts={"scheduler": diffusers.EulerDiscreteScheduler}, tasks=("text2image",)),
    },
)
