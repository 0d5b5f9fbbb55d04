"""PixArt-Sigma (Chen et al. 2024, https://arxiv.org/abs/2403.04692) and PixArt-alpha (https://arxiv.org/abs/2310.00426)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.spatial.pixart import PIXART_ALPHA, PIXART_SIGMA
from ..tasks import Blocks, differential, image2image, inpainting, text2image
from .auto import AUTO_BLOCKS, PixArtAutoBlocks

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", text2image(PIXART_SIGMA))
"""Blocks of text to image, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(PIXART_SIGMA))
"""Blocks of image to image, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(PIXART_SIGMA))
"""Blocks of inpainting, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", differential(PIXART_SIGMA))
"""Blocks of image to image in which a map says how much each place may change, by name."""

ALPHA_TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("ALPHA_TEXT2IMAGE_BLOCKS", text2image(PIXART_ALPHA))
"""Blocks of text to image by PixArt-alpha, by name."""

ALPHA_IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("ALPHA_IMAGE2IMAGE_BLOCKS", image2image(PIXART_ALPHA))
"""Blocks of image to image by PixArt-alpha, by name."""

ALPHA_INPAINT_BLOCKS: Blocks = SharedBlocks("ALPHA_INPAINT_BLOCKS", inpainting(PIXART_ALPHA))
"""Blocks of inpainting by PixArt-alpha, by name."""

NAMES: dict[str, str] = {
    "pixart.text2image": "TEXT2IMAGE_BLOCKS",
    "pixart.image2image": "IMAGE2IMAGE_BLOCKS",
    "pixart.inpainting": "INPAINT_BLOCKS",
    "pixart.differential": "DIFFERENTIAL_BLOCKS",
    "pixart.auto": "PixArtAutoBlocks",
    "pixart.alpha.text2image": "ALPHA_TEXT2IMAGE_BLOCKS",
    "pixart.alpha.image2image": "ALPHA_IMAGE2IMAGE_BLOCKS",
    "pixart.alpha.inpainting": "ALPHA_INPAINT_BLOCKS",
    "PixArtSigmaPipeline": "TEXT2IMAGE_BLOCKS",
    "PixArtAlphaPipeline": "ALPHA_TEXT2IMAGE_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "ALPHA_IMAGE2IMAGE_BLOCKS",
    "ALPHA_INPAINT_BLOCKS",
    "ALPHA_TEXT2IMAGE_BLOCKS",
    "AUTO_BLOCKS",
    "DIFFERENTIAL_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "NAMES",
    "PIXART_ALPHA",
    "PIXART_SIGMA",
    "TEXT2IMAGE_BLOCKS",
    "PixArtAutoBlocks",
]
