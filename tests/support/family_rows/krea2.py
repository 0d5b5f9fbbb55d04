"""Krea 2 beside its classic pipeline, which calls the network once for each branch of guidance, and has no other task."""

from __future__ import annotations

from typing import Any

import diffusers
from coarse_images import half_mask
from family_table import Family, Feature, Task
from tiny_packed import krea2

from brickwork.presets.krea2 import (
    DIFFERENTIAL_BLOCKS,
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    TEXT2IMAGE_BLOCKS,
    TURBO_BLOCKS,
)
from family_rows.chroma import ASKED, DIFFERENTIAL, GUIDED, PICTURE

# In its formulation 0 is no guidance.
GIVEN = {**ASKED, "guidance_scale": 0.0}


def make() -> dict[str, Any]:
    return krea2()


FAMILY = Family(
    "krea2",
    "transformer",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, diffusers.Krea2Pipeline, GIVEN),
        "image2image": Task(IMAGE2IMAGE_BLOCKS, None, {**GIVEN, **PICTURE}),
        "inpainting": Task(INPAINT_BLOCKS, None, {**GIVEN, **PICTURE, "mask_image": half_mask()}),
        "differential": Task(DIFFERENTIAL_BLOCKS, None, {**GIVEN, **DIFFERENTIAL}),
        "turbo": Task(TURBO_BLOCKS, diffusers.Krea2Pipeline, GIVEN, parts={"is_distilled": lambda: True}),
    },
    {"guidance": Feature(GUIDED, batching="sequential", tasks=("text2image",))},
)
