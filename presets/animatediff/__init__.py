"""AnimateDiff (Guo et al. 2023, https://arxiv.org/abs/2307.04725): motion modules in Stable Diffusion 1.5 and XL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...blocks.core.insertable_dict import InsertableDict, SharedBlocks
from ...blocks.steps.prepare_size_conditioning import PrepareSizeConditioning
from ...families.video.animatediff import ANIMATEDIFF, ANIMATEDIFF_XL
from ..tasks import Blocks, image_prompt
from ..tasks_of_video import inpaint_video, text2video, video2video
from .auto import AUTO_BLOCKS, AnimateDiffAutoBlocks

if TYPE_CHECKING:
    from diffusers import MotionAdapter, UNet2DConditionModel, UNetMotionModel

TEXT2VIDEO_BLOCKS: Blocks = SharedBlocks("TEXT2VIDEO_BLOCKS", text2video(ANIMATEDIFF))
"""Blocks of text to video, by name."""

VIDEO2VIDEO_BLOCKS: Blocks = SharedBlocks("VIDEO2VIDEO_BLOCKS", video2video(ANIMATEDIFF))
"""Blocks of video to video, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpaint_video(ANIMATEDIFF))
"""Blocks of videos that are drawn anew where a mask of each frame is white, by name."""

IP_ADAPTER_BLOCKS: Blocks = SharedBlocks("IP_ADAPTER_BLOCKS", image_prompt(ANIMATEDIFF))
"""What IP-Adapters add to a task, by name; it runs where `ip_adapter_image` or `ip_adapter_image_embeds` is given."""

XL_TEXT2VIDEO_BLOCKS: Blocks = SharedBlocks(
    "XL_TEXT2VIDEO_BLOCKS",
    InsertableDict(text2video(ANIMATEDIFF_XL)).insert_before(
        "denoise", "prepare_add_cond", PrepareSizeConditioning.bind(ANIMATEDIFF_XL)
    ),
)
"""Blocks of text to video with Stable Diffusion XL, by name."""


def with_motion(unet: UNet2DConditionModel, motion_adapter: MotionAdapter) -> UNetMotionModel:
    """Return a UNet of images with the motion modules of an adapter; its weights are copies.

    Example:
        >>> import diffusers
        >>> size = {"block_out_channels": (16, 32), "norm_num_groups": 8}
        >>> kinds = {"down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"), "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D")}
        >>> unet = diffusers.UNet2DConditionModel(**size, **kinds, cross_attention_dim=16, attention_head_dim=4, layers_per_block=1)
        >>> adapter = diffusers.MotionAdapter(
        ...     block_out_channels=(16, 32), motion_layers_per_block=1, motion_norm_num_groups=8, motion_num_attention_heads=2
        ... )
        >>> type(with_motion(unet, adapter)).__name__
        'UNetMotionModel'
    """
    from diffusers import UNetMotionModel

    made: UNetMotionModel = UNetMotionModel.from_unet2d(unet, motion_adapter).to(unet.device, unet.dtype).eval()
    return made


NAMES: dict[str, str] = {
    "animatediff.text2video": "TEXT2VIDEO_BLOCKS",
    "animatediff.video2video": "VIDEO2VIDEO_BLOCKS",
    "animatediff.inpainting": "INPAINT_BLOCKS",
    "animatediff.auto": "AnimateDiffAutoBlocks",
    "animatediff.xl.text2video": "XL_TEXT2VIDEO_BLOCKS",
    "AnimateDiffPipeline": "TEXT2VIDEO_BLOCKS",
    "AnimateDiffVideoToVideoPipeline": "VIDEO2VIDEO_BLOCKS",
    "AnimateDiffSDXLPipeline": "XL_TEXT2VIDEO_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "ANIMATEDIFF",
    "ANIMATEDIFF_XL",
    "AUTO_BLOCKS",
    "INPAINT_BLOCKS",
    "IP_ADAPTER_BLOCKS",
    "NAMES",
    "TEXT2VIDEO_BLOCKS",
    "VIDEO2VIDEO_BLOCKS",
    "XL_TEXT2VIDEO_BLOCKS",
    "AnimateDiffAutoBlocks",
    "with_motion",
]
