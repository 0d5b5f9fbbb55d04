"""Kandinsky 3 (AI Forever 2023, https://arxiv.org/abs/2312.03511)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.unets.kandinsky3 import KANDINSKY3
from ..tasks import Blocks, differential, image2image, inpainting, text2image
from ..tasks_of_texts import with_cut_texts
from .auto import AUTO_BLOCKS, Kandinsky3AutoBlocks

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", with_cut_texts(text2image(KANDINSKY3), KANDINSKY3))
"""Blocks of text to image, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", with_cut_texts(image2image(KANDINSKY3), KANDINSKY3))
"""Blocks of image to image, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", with_cut_texts(inpainting(KANDINSKY3), KANDINSKY3))
"""Blocks of inpainting, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", with_cut_texts(differential(KANDINSKY3), KANDINSKY3))
"""Blocks of image to image in which a map says how much each place may change, by name."""

NAMES: dict[str, str] = {
    "kandinsky3.text2image": "TEXT2IMAGE_BLOCKS",
    "kandinsky3.image2image": "IMAGE2IMAGE_BLOCKS",
    "kandinsky3.inpainting": "INPAINT_BLOCKS",
    "kandinsky3.differential": "DIFFERENTIAL_BLOCKS",
    "kandinsky3.auto": "Kandinsky3AutoBlocks",
    "Kandinsky3Pipeline": "TEXT2IMAGE_BLOCKS",
    "Kandinsky3Img2ImgPipeline": "IMAGE2IMAGE_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUTO_BLOCKS",
    "DIFFERENTIAL_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "KANDINSKY3",
    "NAMES",
    "TEXT2IMAGE_BLOCKS",
    "Kandinsky3AutoBlocks",
]
