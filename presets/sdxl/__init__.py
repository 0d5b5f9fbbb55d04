"""Stable Diffusion XL (Podell et al. 2023, https://arxiv.org/abs/2307.01952)."""

from ...families.sdxl import SDXL, SDXL_REFINER, SDXL_REFINER_ALONE, SDXL_SECOND
from .auto import AUTO_BLOCKS, AutoBlocks, AutoControlInput
from .control import CONTROLNET_BLOCKS, T2I_ADAPTER_BLOCKS, with_adapter, with_control
from .refiner import (
    REFINER_BLOCKS,
    REFINER_IMAGE2IMAGE_BLOCKS,
    REFINER_INPAINT_BLOCKS,
    SECOND_UNET_BLOCKS,
    with_refiner,
)
from .released import ADAPTED_TEXT2IMAGE, CONTROLLED_IMAGE2IMAGE, CONTROLLED_INPAINT, CONTROLLED_TEXT2IMAGE
from .tasks import (
    DIFFERENTIAL_BLOCKS,
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    IP_ADAPTER_BLOCKS,
    SAFETY_BLOCKS,
    TEXT2IMAGE_BLOCKS,
)

NAMES: dict[str, str] = {
    "sdxl.text2image": "TEXT2IMAGE_BLOCKS",
    "sdxl.image2image": "IMAGE2IMAGE_BLOCKS",
    "sdxl.inpainting": "INPAINT_BLOCKS",
    "sdxl.differential": "DIFFERENTIAL_BLOCKS",
    "sdxl.auto": "AutoBlocks",
    "sdxl.refiner": "REFINER_IMAGE2IMAGE_BLOCKS",
    "StableDiffusionXLPipeline": "TEXT2IMAGE_BLOCKS",
    "StableDiffusionXLModularPipeline": "TEXT2IMAGE_BLOCKS",
    "StableDiffusionXLAutoBlocks": "AutoBlocks",
    "StableDiffusionXLImg2ImgPipeline": "IMAGE2IMAGE_BLOCKS",
    "StableDiffusionXLInpaintPipeline": "INPAINT_BLOCKS",
    "StableDiffusionXLControlNetPipeline": "CONTROLLED_TEXT2IMAGE",
    "StableDiffusionXLControlNetImg2ImgPipeline": "CONTROLLED_IMAGE2IMAGE",
    "StableDiffusionXLControlNetInpaintPipeline": "CONTROLLED_INPAINT",
    "StableDiffusionXLControlNetUnionPipeline": "CONTROLLED_TEXT2IMAGE",
    "StableDiffusionXLControlNetUnionImg2ImgPipeline": "CONTROLLED_IMAGE2IMAGE",
    "StableDiffusionXLControlNetUnionInpaintPipeline": "CONTROLLED_INPAINT",
    "StableDiffusionXLAdapterPipeline": "ADAPTED_TEXT2IMAGE",
    "StableDiffusionXLImg2ImgPipeline/refiner": "REFINER_IMAGE2IMAGE_BLOCKS",
    "StableDiffusionXLInpaintPipeline/refiner": "REFINER_INPAINT_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets; classes that repositories write; and behind a
slash a variant, where the index has no component for the plain one.

Not here are classes that do by default what a plain task does not (`PAG`), or are of other networks (`InstructPix2Pix`, `ControlNetXS`).
"""

__all__ = [
    "ADAPTED_TEXT2IMAGE",
    "AUTO_BLOCKS",
    "CONTROLLED_IMAGE2IMAGE",
    "CONTROLLED_INPAINT",
    "CONTROLLED_TEXT2IMAGE",
    "CONTROLNET_BLOCKS",
    "DIFFERENTIAL_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "IP_ADAPTER_BLOCKS",
    "NAMES",
    "REFINER_BLOCKS",
    "REFINER_IMAGE2IMAGE_BLOCKS",
    "REFINER_INPAINT_BLOCKS",
    "SAFETY_BLOCKS",
    "SDXL",
    "SDXL_REFINER",
    "SDXL_REFINER_ALONE",
    "SDXL_SECOND",
    "SECOND_UNET_BLOCKS",
    "T2I_ADAPTER_BLOCKS",
    "TEXT2IMAGE_BLOCKS",
    "AutoBlocks",
    "AutoControlInput",
    "with_adapter",
    "with_control",
    "with_refiner",
]
