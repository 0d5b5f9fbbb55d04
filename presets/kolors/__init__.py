"""Kolors (Kuaishou 2024, https://huggingface.co/Kwai-Kolors/Kolors-diffusers)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.unets.kolors import KOLORS
from ..tasks import Blocks, differential, image2image, inpainting, text2image
from .auto import AUTO_BLOCKS, KolorsAutoBlocks

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", text2image(KOLORS))
"""Blocks of text to image, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(KOLORS))
"""Blocks of image to image, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(KOLORS))
"""Blocks of inpainting, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", differential(KOLORS))
"""Blocks of image to image in which a map says how much each place may change, by name."""

NAMES: dict[str, str] = {
    "kolors.text2image": "TEXT2IMAGE_BLOCKS",
    "kolors.image2image": "IMAGE2IMAGE_BLOCKS",
    "kolors.inpainting": "INPAINT_BLOCKS",
    "kolors.differential": "DIFFERENTIAL_BLOCKS",
    "kolors.auto": "KolorsAutoBlocks",
    "KolorsPipeline": "TEXT2IMAGE_BLOCKS",
    "KolorsImg2ImgPipeline": "IMAGE2IMAGE_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUTO_BLOCKS",
    "DIFFERENTIAL_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "KOLORS",
    "NAMES",
    "TEXT2IMAGE_BLOCKS",
    "KolorsAutoBlocks",
]
