"""HiDream-I1 (Cai et al. 2025, https://arxiv.org/abs/2505.22705)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.spatial.hidream import HIDREAM
from ..tasks import Blocks, differential, image2image, inpainting, text2image
from .auto import AUTO_BLOCKS, HiDreamAutoBlocks

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", text2image(HIDREAM))
"""Blocks of text to image, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(HIDREAM))
"""Blocks of image to image, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(HIDREAM))
"""Blocks of inpainting, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", differential(HIDREAM))
"""Blocks of image to image in which a map says how much each place may change, by name."""

NAMES: dict[str, str] = {
    "hidream.text2image": "TEXT2IMAGE_BLOCKS",
    "hidream.image2image": "IMAGE2IMAGE_BLOCKS",
    "hidream.inpainting": "INPAINT_BLOCKS",
    "hidream.differential": "DIFFERENTIAL_BLOCKS",
    "hidream.auto": "HiDreamAutoBlocks",
    "HiDreamImagePipeline": "TEXT2IMAGE_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUTO_BLOCKS",
    "DIFFERENTIAL_BLOCKS",
    "HIDREAM",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "NAMES",
    "TEXT2IMAGE_BLOCKS",
    "HiDreamAutoBlocks",
]
