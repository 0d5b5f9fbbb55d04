"""Marigold beside its classic pipelines."""

from __future__ import annotations

from typing import Any

import diffusers
from coarse_images import picture
from family_table import Family, Feature, Task
from tiny_language import seeded
from tiny_sd import BETAS, make_parts, unet

from brickwork.presets.marigold import DEPTH_BLOCKS, INTRINSICS_BLOCKS, NORMALS_BLOCKS

SOLVER = {**BETAS, "prediction_type": "v_prediction", "clip_sample": False, "timestep_spacing": "trailing"}
# Of no side a multiple of 8 after resizing, so that there is a margin.
ASKED: dict[str, Any] = {
    "image": [picture(3, 64).crop((0, 0, 64, 40)), picture(5, 64).crop((0, 0, 64, 40))],
    "num_inference_steps": 4,
    "processing_resolution": 48,
}
TWO = {"batch_size": 2}
WAYS = {"resample_method_input": "bicubic", "resample_method_output": "nearest"}
TARGETS = {"target_names": ["albedo", "shading"]}


def make() -> dict[str, Any]:
    seeded()
    return {**make_parts(), "unet": unet(in_channels=8), "scheduler": diffusers.DDIMScheduler(**SOLVER)}


FAMILY = Family(
    "marigold",
    "unet",
    make,
    {
        "depth": Task(
            DEPTH_BLOCKS,
            diffusers.MarigoldDepthPipeline,
            ASKED,
            classic_given=TWO,
            classic_options={"prediction_type": "depth"},
        ),
        "normals": Task(
            NORMALS_BLOCKS,
            diffusers.MarigoldNormalsPipeline,
            ASKED,
            classic_given=TWO,
            classic_options={"prediction_type": "normals"},
        ),
        "intrinsics": Task(
            INTRINSICS_BLOCKS,
            diffusers.MarigoldIntrinsicsPipeline,
            ASKED,
            # So many at once, as each image makes two.
            classic_given={"batch_size": 4},
            classic_options={"prediction_type": "intrinsics", "target_properties": TARGETS},
            parts={"unet": lambda: unet(in_channels=12, out_channels=8)},
        ),
    },
    {
        "own size": Feature({"processing_resolution": 0}, formats=("float32", "bfloat16"), tasks=("depth", "normals")),
        "size as seen": Feature({"match_input_resolution": False}, tasks=("depth", "normals")),
        "resampled otherwise": Feature(WAYS, tasks=("depth",)),
        "latent consistency": Feature(
            parts={"scheduler": lambda: diffusers.LCMScheduler(**{**SOLVER, "original_inference_steps": 10})},
            tasks=("depth",),
        ),
        "arrays": Feature({"output_type": "np"}, tasks=("normals",)),
        "seeds": Feature({"seeds": [3, 4]}, tasks=("depth",)),
    },
    # On a CPU, the classic does not make images small in half precision.
    formats=("float32",),
)
