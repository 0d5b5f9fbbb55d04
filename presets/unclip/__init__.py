"""Stable unCLIP (Stability AI 2023, after Ramesh et al. 2022, https://arxiv.org/abs/2204.06125)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.unets.unclip import UNCLIP, UNCLIP_PRIOR
from ..tasks import Blocks
from ..tasks_of_vectors import noised_vectors, vectors_of_images, vectors_of_text

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", vectors_of_text(UNCLIP, UNCLIP_PRIOR))
"""Blocks of text to image, prior and decoder in one, by name."""

VARIATION_BLOCKS: Blocks = SharedBlocks("VARIATION_BLOCKS", vectors_of_images(UNCLIP))
"""Blocks that draw images like a given one, and like a text where one is given, by name."""

DECODER_BLOCKS: Blocks = SharedBlocks("DECODER_BLOCKS", noised_vectors(UNCLIP))
"""Blocks that draw images of a text and of `image_embeds`, by name."""

NAMES: dict[str, str] = {
    "unclip.text2image": "TEXT2IMAGE_BLOCKS",
    "unclip.variation": "VARIATION_BLOCKS",
    "unclip.decoder": "DECODER_BLOCKS",
    "StableUnCLIPPipeline": "TEXT2IMAGE_BLOCKS",
    "StableUnCLIPImg2ImgPipeline": "VARIATION_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = ["DECODER_BLOCKS", "NAMES", "TEXT2IMAGE_BLOCKS", "UNCLIP", "UNCLIP_PRIOR", "VARIATION_BLOCKS"]
