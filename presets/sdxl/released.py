"""What opens where a repository's index names a class of diffusers: each stands for a task, with what adds to it.

Not here are those that do by default what a plain task does not (`PAG`), or are of other networks (`InstructPix2Pix`, `ControlNetXS`).
"""

from __future__ import annotations

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.sdxl import SDXL
from ...registry.catalog import VARIANT
from ..tasks import Blocks
from .control import with_adapter, with_control
from .tasks import IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS, TEXT2IMAGE_BLOCKS

CONTROLLED_TEXT2IMAGE: Blocks = SharedBlocks("CONTROLLED_TEXT2IMAGE", with_control(TEXT2IMAGE_BLOCKS))
CONTROLLED_IMAGE2IMAGE: Blocks = SharedBlocks("CONTROLLED_IMAGE2IMAGE", with_control(IMAGE2IMAGE_BLOCKS))
CONTROLLED_INPAINT: Blocks = SharedBlocks("CONTROLLED_INPAINT", with_control(INPAINT_BLOCKS))
ADAPTED_TEXT2IMAGE: Blocks = SharedBlocks("ADAPTED_TEXT2IMAGE", with_adapter(TEXT2IMAGE_BLOCKS))

RELEASED = {
    SDXL.classic_pipeline: "tasks:TEXT2IMAGE_BLOCKS",
    SDXL.modular_pipeline: "tasks:TEXT2IMAGE_BLOCKS",
    SDXL.modular_blocks: "auto:AutoBlocks",
    "StableDiffusionXLImg2ImgPipeline": "tasks:IMAGE2IMAGE_BLOCKS",
    "StableDiffusionXLInpaintPipeline": "tasks:INPAINT_BLOCKS",
    "StableDiffusionXLControlNetPipeline": "released:CONTROLLED_TEXT2IMAGE",
    "StableDiffusionXLControlNetImg2ImgPipeline": "released:CONTROLLED_IMAGE2IMAGE",
    "StableDiffusionXLControlNetInpaintPipeline": "released:CONTROLLED_INPAINT",
    "StableDiffusionXLControlNetUnionPipeline": "released:CONTROLLED_TEXT2IMAGE",
    "StableDiffusionXLControlNetUnionImg2ImgPipeline": "released:CONTROLLED_IMAGE2IMAGE",
    "StableDiffusionXLControlNetUnionInpaintPipeline": "released:CONTROLLED_INPAINT",
    "StableDiffusionXLAdapterPipeline": "released:ADAPTED_TEXT2IMAGE",
    f"StableDiffusionXLImg2ImgPipeline{VARIANT}refiner": "refiner:REFINER_IMAGE2IMAGE_BLOCKS",
    f"StableDiffusionXLInpaintPipeline{VARIANT}refiner": "refiner:REFINER_INPAINT_BLOCKS",
}
"""Class to what opens for it, as module of this package and name in it; a variant, where the index has no component for the plain one."""
