"""Stable Video Diffusion (Blattmann et al. 2023, https://arxiv.org/abs/2311.15127)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.video.svd import SVD
from ..tasks import Blocks
from ..tasks_of_video import moving_image

IMAGE2VIDEO_BLOCKS: Blocks = SharedBlocks("IMAGE2VIDEO_BLOCKS", moving_image(SVD))
"""Blocks that set an image in motion, by name."""

NAMES: dict[str, str] = {
    "svd.image2video": "IMAGE2VIDEO_BLOCKS",
    "StableVideoDiffusionPipeline": "IMAGE2VIDEO_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = ["IMAGE2VIDEO_BLOCKS", "NAMES", "SVD"]
