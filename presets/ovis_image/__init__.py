"""Ovis-Image (https://github.com/AIDC-AI/Ovis-Image)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.ovis_image import OVIS_IMAGE
from ..tasks import Blocks, differential, image2image, inpainting, text2image
from .auto import AUTO_BLOCKS, OvisImageAutoBlocks

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", text2image(OVIS_IMAGE))
"""Blocks of text to image, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(OVIS_IMAGE))
"""Blocks of image to image, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(OVIS_IMAGE))
"""Blocks of inpainting, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", differential(OVIS_IMAGE))
"""Blocks of image to image in which a map says how much each place may change, by name."""

NAMES: dict[str, str] = {
    "ovis_image.text2image": "TEXT2IMAGE_BLOCKS",
    "ovis_image.image2image": "IMAGE2IMAGE_BLOCKS",
    "ovis_image.inpainting": "INPAINT_BLOCKS",
    "ovis_image.differential": "DIFFERENTIAL_BLOCKS",
    "ovis_image.auto": "OvisImageAutoBlocks",
    "OvisImagePipeline": "TEXT2IMAGE_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUTO_BLOCKS",
    "DIFFERENTIAL_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "NAMES",
    "OVIS_IMAGE",
    "TEXT2IMAGE_BLOCKS",
    "OvisImageAutoBlocks",
]
