"""Unconditional diffusion of pixels (Ho et al. 2020, https://arxiv.org/abs/2006.11239)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.ddpm import DDPM
from ..tasks import Blocks, differential, image2image, inpainting, text2image
from .auto import AUTO_BLOCKS, DDPMAutoBlocks

UNCONDITIONAL_BLOCKS: Blocks = SharedBlocks("UNCONDITIONAL_BLOCKS", text2image(DDPM))
"""Blocks that make images of noise alone, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(DDPM))
"""Blocks that begin from an image, by name: variations of it, the less alike the greater the strength."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(DDPM))
"""Blocks that draw what a mask shows anew, and keep the pixels of the rest, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", differential(DDPM))
"""Blocks of image to image in which a map says how much each place may change, by name."""

NAMES: dict[str, str] = {
    "ddpm.unconditional": "UNCONDITIONAL_BLOCKS",
    "ddpm.image2image": "IMAGE2IMAGE_BLOCKS",
    "ddpm.inpainting": "INPAINT_BLOCKS",
    "ddpm.differential": "DIFFERENTIAL_BLOCKS",
    "ddpm.auto": "DDPMAutoBlocks",
    "DDPMPipeline": "UNCONDITIONAL_BLOCKS",
    "DDIMPipeline": "UNCONDITIONAL_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUTO_BLOCKS",
    "DDPM",
    "DIFFERENTIAL_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "NAMES",
    "UNCONDITIONAL_BLOCKS",
    "DDPMAutoBlocks",
]
