"""FLUX.2 "klein" beside its classic pipeline, which calls the network once for each branch of guidance, and whose negative prompt is ""."""

from __future__ import annotations

from typing import Any

import diffusers
from coarse_images import half_mask
from family_table import Family, Feature, Task
from tiny_packed import flux2_klein

from brickwork.presets.flux2 import KLEIN_BLOCKS, KLEIN_IMAGE2IMAGE_BLOCKS, KLEIN_INPAINT_BLOCKS
from family_rows.flux2 import ASKED, PICTURE, REFERENCES

GIVEN = {**ASKED, "guidance_scale": 1.0, "max_sequence_length": 40, "height": 32, "width": 48}


def make() -> dict[str, Any]:
    return flux2_klein()


FAMILY = Family(
    "flux2_klein",
    "transformer",
    make,
    {
        "text2image": Task(KLEIN_BLOCKS, diffusers.Flux2KleinPipeline, GIVEN),
        "references": Task(KLEIN_BLOCKS, diffusers.Flux2KleinPipeline, {**GIVEN, "image": REFERENCES}),
        "image2image": Task(KLEIN_IMAGE2IMAGE_BLOCKS, None, {**GIVEN, **PICTURE}),
        "inpainting": Task(KLEIN_INPAINT_BLOCKS, None, {**GIVEN, **PICTURE, "mask_image": half_mask()}),
    },
    {
        "guidance": Feature({"guidance_scale": 3.5}, batching="sequential", tasks=("text2image", "references")),
        "bfloat16": Feature(formats=("bfloat16",), tasks=("text2image",)),
    },
    formats=("float32",),
    like="flux2",
)
