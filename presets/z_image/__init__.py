"""Z-Image and Z-Image-Turbo (Tongyi-MAI 2025, https://arxiv.org/abs/2511.22699)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.spatial.z_image import Z_IMAGE
from ..tasks import Blocks, differential, image2image, inpainting, text2image
from .auto import AUTO_BLOCKS, ZImageAutoBlocks

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", text2image(Z_IMAGE))
"""Blocks of text to image, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(Z_IMAGE))
"""Blocks of image to image, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(Z_IMAGE))
"""Blocks of inpainting, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", differential(Z_IMAGE))
"""Blocks of image to image in which a map says how much each place may change, by name."""

NAMES: dict[str, str] = {
    "z_image.text2image": "TEXT2IMAGE_BLOCKS",
    "z_image.image2image": "IMAGE2IMAGE_BLOCKS",
    "z_image.inpainting": "INPAINT_BLOCKS",
    "z_image.differential": "DIFFERENTIAL_BLOCKS",
    "z_image.auto": "ZImageAutoBlocks",
    "ZImageAutoBlocks": "ZImageAutoBlocks",
    "ZImageModularPipeline": "ZImageAutoBlocks",
    "ZImagePipeline": "TEXT2IMAGE_BLOCKS",
    "ZImageImg2ImgPipeline": "IMAGE2IMAGE_BLOCKS",
    "ZImageInpaintPipeline": "INPAINT_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUTO_BLOCKS",
    "DIFFERENTIAL_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "NAMES",
    "TEXT2IMAGE_BLOCKS",
    "Z_IMAGE",
    "ZImageAutoBlocks",
]
