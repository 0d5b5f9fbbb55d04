"""CogView4 (Zhipu AI 2025, https://huggingface.co/zai-org/CogView4-6B)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.spatial.cogview4 import COGVIEW4
from ..tasks import Blocks, differential, image2image, inpainting, text2image
from .auto import AUTO_BLOCKS, CogView4AutoBlocks

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", text2image(COGVIEW4))
"""Blocks of text to image, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(COGVIEW4))
"""Blocks of image to image, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(COGVIEW4))
"""Blocks of inpainting, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", differential(COGVIEW4))
"""Blocks of image to image in which a map says how much each place may change, by name."""

NAMES: dict[str, str] = {
    "cogview4.text2image": "TEXT2IMAGE_BLOCKS",
    "cogview4.image2image": "IMAGE2IMAGE_BLOCKS",
    "cogview4.inpainting": "INPAINT_BLOCKS",
    "cogview4.differential": "DIFFERENTIAL_BLOCKS",
    "cogview4.auto": "CogView4AutoBlocks",
    "CogView4Pipeline": "TEXT2IMAGE_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUTO_BLOCKS",
    "COGVIEW4",
    "DIFFERENTIAL_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "NAMES",
    "TEXT2IMAGE_BLOCKS",
    "CogView4AutoBlocks",
]
