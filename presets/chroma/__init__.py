"""Chroma (https://huggingface.co/lodestones/Chroma)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.chroma import CHROMA
from ..tasks import Blocks, differential, image2image, inpainting, text2image
from .auto import AUTO_BLOCKS, ChromaAutoBlocks

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", text2image(CHROMA))
"""Blocks of text to image, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(CHROMA))
"""Blocks of image to image, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(CHROMA))
"""Blocks of inpainting, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", differential(CHROMA))
"""Blocks of image to image in which a map says how much each place may change, by name."""

NAMES: dict[str, str] = {
    "chroma.text2image": "TEXT2IMAGE_BLOCKS",
    "chroma.image2image": "IMAGE2IMAGE_BLOCKS",
    "chroma.inpainting": "INPAINT_BLOCKS",
    "chroma.differential": "DIFFERENTIAL_BLOCKS",
    "chroma.auto": "ChromaAutoBlocks",
    "ChromaPipeline": "TEXT2IMAGE_BLOCKS",
    "ChromaImg2ImgPipeline": "IMAGE2IMAGE_BLOCKS",
    "ChromaInpaintPipeline": "INPAINT_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUTO_BLOCKS",
    "CHROMA",
    "DIFFERENTIAL_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "NAMES",
    "TEXT2IMAGE_BLOCKS",
    "ChromaAutoBlocks",
]
