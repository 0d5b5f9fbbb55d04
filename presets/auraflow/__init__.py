"""AuraFlow (https://huggingface.co/fal/AuraFlow)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.spatial.auraflow import AURAFLOW
from ..tasks import Blocks, differential, image2image, inpainting, text2image
from .auto import AUTO_BLOCKS, AuraFlowAutoBlocks

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", text2image(AURAFLOW))
"""Blocks of text to image, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(AURAFLOW))
"""Blocks of image to image, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(AURAFLOW))
"""Blocks of inpainting, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", differential(AURAFLOW))
"""Blocks of image to image in which a map says how much each place may change, by name."""

NAMES: dict[str, str] = {
    "auraflow.text2image": "TEXT2IMAGE_BLOCKS",
    "auraflow.image2image": "IMAGE2IMAGE_BLOCKS",
    "auraflow.inpainting": "INPAINT_BLOCKS",
    "auraflow.differential": "DIFFERENTIAL_BLOCKS",
    "auraflow.auto": "AuraFlowAutoBlocks",
    "AuraFlowPipeline": "TEXT2IMAGE_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AURAFLOW",
    "AUTO_BLOCKS",
    "DIFFERENTIAL_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "NAMES",
    "TEXT2IMAGE_BLOCKS",
    "AuraFlowAutoBlocks",
]
