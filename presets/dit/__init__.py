"""Diffusion transformers that are told a class (Peebles and Xie 2022, https://arxiv.org/abs/2212.09748)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.dit import DIT, DIT_VARIATION
from ..tasks import Blocks, differential, image2image, inpainting, text2image, variation
from .auto import AUTO_BLOCKS, DiTAutoBlocks

CLASS2IMAGE_BLOCKS: Blocks = SharedBlocks("CLASS2IMAGE_BLOCKS", text2image(DIT))
"""Blocks that make images of a class, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(DIT))
"""Blocks of image to image, told a class, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(DIT))
"""Blocks of inpainting, told a class, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", differential(DIT))
"""Blocks of image to image in which a map says how much each place may change, by name."""

VARIATION_BLOCKS: Blocks = SharedBlocks("VARIATION_BLOCKS", variation(DIT_VARIATION))
"""Blocks of image to image that is told no class, by name: variations of the image, the less alike the greater the strength."""

NAMES: dict[str, str] = {
    "dit.class2image": "CLASS2IMAGE_BLOCKS",
    "dit.image2image": "IMAGE2IMAGE_BLOCKS",
    "dit.inpainting": "INPAINT_BLOCKS",
    "dit.differential": "DIFFERENTIAL_BLOCKS",
    "dit.variation": "VARIATION_BLOCKS",
    "dit.auto": "DiTAutoBlocks",
    "DiTPipeline": "CLASS2IMAGE_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUTO_BLOCKS",
    "CLASS2IMAGE_BLOCKS",
    "DIFFERENTIAL_BLOCKS",
    "DIT",
    "DIT_VARIATION",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "NAMES",
    "VARIATION_BLOCKS",
    "DiTAutoBlocks",
]
