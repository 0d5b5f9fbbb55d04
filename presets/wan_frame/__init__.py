"""Images by Wan 2.1, as videos of one frame (Wan team 2025, https://arxiv.org/abs/2503.20314)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.video.wan_frame import WAN_FRAME
from ..tasks import Blocks, differential, image2image, inpainting, text2image
from .auto import AUTO_BLOCKS, WanFrameAutoBlocks

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", text2image(WAN_FRAME))
"""Blocks of text to image, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(WAN_FRAME))
"""Blocks of image to image, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(WAN_FRAME))
"""Blocks of inpainting, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", differential(WAN_FRAME))
"""Blocks of image to image in which a map says how much each place may change, by name."""

NAMES: dict[str, str] = {
    "wan_frame.text2image": "TEXT2IMAGE_BLOCKS",
    "wan_frame.image2image": "IMAGE2IMAGE_BLOCKS",
    "wan_frame.inpainting": "INPAINT_BLOCKS",
    "wan_frame.differential": "DIFFERENTIAL_BLOCKS",
    "wan_frame.auto": "WanFrameAutoBlocks",
}
"""Names in the catalog, which reads them without importing this folder: names of presets."""

__all__ = [
    "AUTO_BLOCKS",
    "DIFFERENTIAL_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "NAMES",
    "TEXT2IMAGE_BLOCKS",
    "WAN_FRAME",
    "WanFrameAutoBlocks",
]
