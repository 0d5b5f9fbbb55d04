"""Images by Wan 2.1 beside its classic pipeline, asked for one frame."""

from __future__ import annotations

from typing import Any

import diffusers
from asked_of_texts import free_tasks
from family_table import Family, Feature, Task

from brickwork.presets import wan_frame
from brickwork.presets.wan_frame import TEXT2IMAGE_BLOCKS

from .wan import ASKED, make

MORE: dict[str, Any] = {"max_sequence_length": 40}
FAMILY = Family(
    "wan_frame",
    "transformer",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, diffusers.WanPipeline, ASKED, classic_given={"num_frames": 1}),
        **free_tasks(wan_frame, **MORE),
    },
    {"no guidance": Feature({"guidance_scale": 1.0})},
    batching="sequential",
    like="wan",
)
