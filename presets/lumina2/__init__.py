"""Lumina-Image 2.0 (Qin et al. 2025, https://arxiv.org/abs/2503.21758)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.spatial.lumina2 import LUMINA2
from ..tasks import Blocks, differential, image2image, inpainting, text2image
from .auto import AUTO_BLOCKS, Lumina2AutoBlocks

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", text2image(LUMINA2))
"""Blocks of text to image, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(LUMINA2))
"""Blocks of image to image, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(LUMINA2))
"""Blocks of inpainting, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", differential(LUMINA2))
"""Blocks of image to image in which a map says how much each place may change, by name."""

NAMES: dict[str, str] = {
    "lumina2.text2image": "TEXT2IMAGE_BLOCKS",
    "lumina2.image2image": "IMAGE2IMAGE_BLOCKS",
    "lumina2.inpainting": "INPAINT_BLOCKS",
    "lumina2.differential": "DIFFERENTIAL_BLOCKS",
    "lumina2.auto": "Lumina2AutoBlocks",
    "Lumina2Pipeline": "TEXT2IMAGE_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUTO_BLOCKS",
    "DIFFERENTIAL_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "LUMINA2",
    "NAMES",
    "TEXT2IMAGE_BLOCKS",
    "Lumina2AutoBlocks",
]
