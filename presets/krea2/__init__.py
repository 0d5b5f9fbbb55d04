"""Krea 2 (https://www.krea.ai)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.krea2 import KREA2, KREA2_TURBO
from ..tasks import Blocks, differential, image2image, inpainting, text2image
from .auto import AUTO_BLOCKS, Krea2AutoBlocks

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", text2image(KREA2))
"""Blocks of text to image, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(KREA2))
"""Blocks of image to image, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(KREA2))
"""Blocks of inpainting, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", differential(KREA2))
"""Blocks of image to image in which a map says how much each place may change, by name."""

TURBO_BLOCKS: Blocks = SharedBlocks("TURBO_BLOCKS", text2image(KREA2_TURBO))
"""Blocks of text to image with the distilled model, by name."""

NAMES: dict[str, str] = {
    "krea2.text2image": "TEXT2IMAGE_BLOCKS",
    "krea2.image2image": "IMAGE2IMAGE_BLOCKS",
    "krea2.inpainting": "INPAINT_BLOCKS",
    "krea2.differential": "DIFFERENTIAL_BLOCKS",
    "krea2.turbo": "TURBO_BLOCKS",
    "krea2.auto": "Krea2AutoBlocks",
    "Krea2Pipeline": "TEXT2IMAGE_BLOCKS",
    "Krea2Pipeline/is_distilled": "TURBO_BLOCKS",
    "Krea2ModularPipeline": "TEXT2IMAGE_BLOCKS",
    "Krea2AutoBlocks": "Krea2AutoBlocks",
    "Krea2TurboModularPipeline": "TURBO_BLOCKS",
    "Krea2TurboAutoBlocks": "TURBO_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets; classes that repositories write; and behind a
slash a variant, where a setting of that name is true in the index.
"""

__all__ = [
    "AUTO_BLOCKS",
    "DIFFERENTIAL_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "KREA2",
    "KREA2_TURBO",
    "NAMES",
    "TEXT2IMAGE_BLOCKS",
    "TURBO_BLOCKS",
    "Krea2AutoBlocks",
]
