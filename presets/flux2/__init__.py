"""FLUX.2 (https://github.com/black-forest-labs/flux2): "dev" and "klein"."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.flux2 import FLUX2, FLUX2_KLEIN, FLUX2_KLEIN_DISTILLED
from ..tasks import Blocks, differential, image2image, inpainting
from ..tasks_beside import with_references
from .auto import AUTO_BLOCKS, Flux2AutoBlocks
from .klein_auto import AUTO_BLOCKS as KLEIN_AUTO_BLOCKS
from .klein_auto import Flux2KleinAutoBlocks

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", with_references(FLUX2))
"""Blocks of text to image, which read images that are given as references, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(FLUX2))
"""Blocks of image to image, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(FLUX2))
"""Blocks of inpainting, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", differential(FLUX2))
"""Blocks of image to image in which a map says how much each place may change, by name."""

KLEIN_BLOCKS: Blocks = SharedBlocks("KLEIN_BLOCKS", with_references(FLUX2_KLEIN))
"""Blocks of text to image with "klein", which read images that are given as references, by name."""

KLEIN_IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("KLEIN_IMAGE2IMAGE_BLOCKS", image2image(FLUX2_KLEIN))
"""Blocks of image to image with "klein", by name."""

KLEIN_INPAINT_BLOCKS: Blocks = SharedBlocks("KLEIN_INPAINT_BLOCKS", inpainting(FLUX2_KLEIN))
"""Blocks of inpainting with "klein", by name."""

KLEIN_DISTILLED_BLOCKS: Blocks = SharedBlocks("KLEIN_DISTILLED_BLOCKS", with_references(FLUX2_KLEIN_DISTILLED))
"""Blocks of text to image with the distilled "klein", which read images that are given as references, by name."""

NAMES: dict[str, str] = {
    "flux2.text2image": "TEXT2IMAGE_BLOCKS",
    "flux2.image2image": "IMAGE2IMAGE_BLOCKS",
    "flux2.inpainting": "INPAINT_BLOCKS",
    "flux2.differential": "DIFFERENTIAL_BLOCKS",
    "flux2.auto": "Flux2AutoBlocks",
    "flux2.klein": "KLEIN_BLOCKS",
    "flux2.klein.image2image": "KLEIN_IMAGE2IMAGE_BLOCKS",
    "flux2.klein.inpainting": "KLEIN_INPAINT_BLOCKS",
    "flux2.klein.auto": "Flux2KleinAutoBlocks",
    "flux2.klein.distilled": "KLEIN_DISTILLED_BLOCKS",
    "Flux2Pipeline": "TEXT2IMAGE_BLOCKS",
    "Flux2ModularPipeline": "TEXT2IMAGE_BLOCKS",
    "Flux2AutoBlocks": "TEXT2IMAGE_BLOCKS",
    "Flux2KleinPipeline": "KLEIN_BLOCKS",
    "Flux2KleinPipeline/is_distilled": "KLEIN_DISTILLED_BLOCKS",
    "Flux2KleinModularPipeline": "KLEIN_DISTILLED_BLOCKS",
    "Flux2KleinAutoBlocks": "KLEIN_DISTILLED_BLOCKS",
    "Flux2KleinBaseModularPipeline": "KLEIN_BLOCKS",
    "Flux2KleinBaseAutoBlocks": "KLEIN_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets; classes that repositories write; and behind a
slash a variant, where a setting of that name is true in the index.
"""

__all__ = [
    "AUTO_BLOCKS",
    "DIFFERENTIAL_BLOCKS",
    "FLUX2",
    "FLUX2_KLEIN",
    "FLUX2_KLEIN_DISTILLED",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "KLEIN_AUTO_BLOCKS",
    "KLEIN_BLOCKS",
    "KLEIN_DISTILLED_BLOCKS",
    "KLEIN_IMAGE2IMAGE_BLOCKS",
    "KLEIN_INPAINT_BLOCKS",
    "NAMES",
    "TEXT2IMAGE_BLOCKS",
    "Flux2AutoBlocks",
    "Flux2KleinAutoBlocks",
]
