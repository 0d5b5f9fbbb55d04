"""Consistency models (Song et al. 2023, https://arxiv.org/abs/2303.01469)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.unets.consistency import CONSISTENCY
from ..tasks import Blocks, differential, image2image, inpainting, text2image
from .auto import AUTO_BLOCKS, ConsistencyAutoBlocks

CLASS2IMAGE_BLOCKS: Blocks = SharedBlocks("CLASS2IMAGE_BLOCKS", text2image(CONSISTENCY))
"""Blocks that make images of a class, or of noise alone, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(CONSISTENCY))
"""Blocks that begin from an image, by name: variations of it, the less alike the greater the strength."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(CONSISTENCY))
"""Blocks that draw what a mask shows anew, and keep the pixels of the rest, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", differential(CONSISTENCY))
"""Blocks of image to image in which a map says how much each place may change, by name."""

NAMES: dict[str, str] = {
    "consistency.class2image": "CLASS2IMAGE_BLOCKS",
    "consistency.image2image": "IMAGE2IMAGE_BLOCKS",
    "consistency.inpainting": "INPAINT_BLOCKS",
    "consistency.differential": "DIFFERENTIAL_BLOCKS",
    "consistency.auto": "ConsistencyAutoBlocks",
    "ConsistencyModelPipeline": "CLASS2IMAGE_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUTO_BLOCKS",
    "CLASS2IMAGE_BLOCKS",
    "CONSISTENCY",
    "DIFFERENTIAL_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "NAMES",
    "ConsistencyAutoBlocks",
]
