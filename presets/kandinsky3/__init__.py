"""Kandinsky 3 (AI Forever 2023, https://arxiv.org/abs/2312.03511)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.unets.kandinsky3 import KANDINSKY3
from ..tasks import Blocks, text2image
from ..tasks_of_texts import with_cut_texts

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", with_cut_texts(text2image(KANDINSKY3), KANDINSKY3))
"""Blocks of text to image, by name."""

NAMES: dict[str, str] = {
    "kandinsky3.text2image": "TEXT2IMAGE_BLOCKS",
    "Kandinsky3Pipeline": "TEXT2IMAGE_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = ["KANDINSKY3", "NAMES", "TEXT2IMAGE_BLOCKS"]
