"""Ovis-Image beside its classic pipeline, which calls the network once for each branch of guidance."""

from __future__ import annotations

from typing import Any

import diffusers
from coarse_images import half_mask
from family_table import Family, Feature, Task
from tiny_packed import ovis_image

from brickwork.presets.ovis_image import DIFFERENTIAL_BLOCKS, IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS, TEXT2IMAGE_BLOCKS
from family_rows.chroma import ASKED, DIFFERENTIAL, GUIDED, PICTURE


def make() -> dict[str, Any]:
    return ovis_image()


FAMILY = Family(
    "ovis_image",
    "transformer",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, diffusers.OvisImagePipeline, ASKED),
        "image2image": Task(IMAGE2IMAGE_BLOCKS, None, {**ASKED, **PICTURE}),
        "inpainting": Task(INPAINT_BLOCKS, None, {**ASKED, **PICTURE, "mask_image": half_mask()}),
        "differential": Task(DIFFERENTIAL_BLOCKS, None, {**ASKED, **DIFFERENTIAL}),
    },
    {"guidance": Feature(GUIDED, batching="sequential")},
)
