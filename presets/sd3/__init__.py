"""Stable Diffusion 3 and 3.5 (Esser et al. 2024, https://arxiv.org/abs/2403.03206)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.sd3 import SD3
from ...registry import catalog
from ..tasks import Blocks, image2image, inpainting, text2image
from .auto import AUTO_BLOCKS, SD3AutoBlocks

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", text2image(SD3))
"""Blocks of text to image, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(SD3))
"""Blocks of image to image, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(SD3))
"""Blocks of inpainting, by name."""

for _name, _target in {
    "sd3.text2image": "TEXT2IMAGE_BLOCKS",
    "sd3.image2image": "IMAGE2IMAGE_BLOCKS",
    "sd3.inpainting": "INPAINT_BLOCKS",
    "sd3.auto": "SD3AutoBlocks",
    SD3.modular_blocks: "SD3AutoBlocks",
    SD3.classic_pipeline: "TEXT2IMAGE_BLOCKS",
    SD3.modular_pipeline: "TEXT2IMAGE_BLOCKS",
    "StableDiffusion3Img2ImgPipeline": "IMAGE2IMAGE_BLOCKS",
    "StableDiffusion3InpaintPipeline": "INPAINT_BLOCKS",
}.items():
    catalog.register(_name, f"{__name__}:{_target}")

__all__ = ["AUTO_BLOCKS", "IMAGE2IMAGE_BLOCKS", "INPAINT_BLOCKS", "SD3", "TEXT2IMAGE_BLOCKS", "SD3AutoBlocks"]
