"""AnimateDiff beside its classic pipelines."""

from __future__ import annotations

from typing import Any

import diffusers
import torch
from coarse_images import picture
from family_table import Family, Feature, Task
from tiny_adapters import image_encoder, ip_adapter
from tiny_sd import ASKED, BETAS, make_parts, unet
from transformers import CLIPImageProcessor

from brickwork.blocks.core.insertable_dict import InsertableDict
from brickwork.presets.animatediff import IP_ADAPTER_BLOCKS, TEXT2VIDEO_BLOCKS, VIDEO2VIDEO_BLOCKS, with_motion

VIDEOS = [[picture(seed, 32) for seed in range(3)], [picture(seed, 32) for seed in range(3, 6)]]
SIZE = {"height": 32, "width": 32}


def motion(**changes: Any) -> Any:
    """A motion adapter whose layers that begin with zeros have some weight, as training would give them."""
    torch.manual_seed(4)
    made = diffusers.MotionAdapter(
        **{
            "block_out_channels": (16, 32),
            "motion_layers_per_block": 1,
            "motion_norm_num_groups": 4,
            "motion_num_attention_heads": 2,
            **changes,
        }
    )
    for parameter in made.parameters():
        if not parameter.any():
            parameter.data = 0.1 * torch.randn(parameter.shape)
    return made


def ddim() -> Any:
    return diffusers.DDIMScheduler(beta_schedule="linear", clip_sample=False, steps_offset=1)


def make() -> dict[str, Any]:
    parts = make_parts()
    torch.manual_seed(5)
    return {**parts, "unet": with_motion(unet(), motion()), "motion_adapter": motion(), "scheduler": ddim()}


def told_images() -> Any:
    """A UNet with an IP-Adapter."""
    made = with_motion(unet(), motion())
    made._load_ip_adapter_weights([ip_adapter(unet())])
    return made


FAMILY = Family(
    "animatediff",
    "unet",
    make,
    {
        "text2video": Task(
            TEXT2VIDEO_BLOCKS,
            diffusers.AnimateDiffPipeline,
            {**ASKED, **SIZE, "num_inference_steps": 4, "num_frames": 3},
        ),
        "video2video": Task(
            VIDEO2VIDEO_BLOCKS,
            diffusers.AnimateDiffVideoToVideoPipeline,
            {**ASKED, **SIZE, "video": VIDEOS, "strength": 0.63},
        ),
    },
    {
        "no guidance": Feature({"guidance_scale": 1.0}),
        "Euler": Feature(
            parts={"scheduler": lambda: diffusers.EulerAncestralDiscreteScheduler(**BETAS)}, tasks=("video2video",)
        ),
        "seeds": Feature({"seeds": [3, 4]}),
        "two frames at once": Feature({"decode_chunk_size": 2}, tasks=("text2video",)),
        "image prompt": Feature(
            {"ip_adapter_image": picture(5)},
            parts={
                "unet": told_images,
                "image_encoder": image_encoder,
                "feature_extractor": lambda: CLIPImageProcessor(size=32, crop_size=32),
            },
            blocks=lambda blocks: InsertableDict(blocks).insert("ip_adapter", IP_ADAPTER_BLOCKS["ip_adapter"], 0),
        ),
    },
    output="videos",
)
