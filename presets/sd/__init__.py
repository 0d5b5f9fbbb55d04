"""Stable Diffusion 1 and 2 (Rombach et al. 2022, https://arxiv.org/abs/2112.10752)."""

from ...families.latent_upscaler import SD_LATENT_UPSCALE
from ...families.stable_diffusion import SD, SD_DEPTH, SD_EDIT, SD_LCM, SD_UPSCALE, SD_VARIATION
from .auto import AUTO_BLOCKS, SDAutoBlocks
from .control import CONTROLNET_BLOCKS, T2I_ADAPTER_BLOCKS, with_adapter, with_control
from .tasks import (
    DEPTH2IMAGE_BLOCKS,
    DIFFERENTIAL_BLOCKS,
    EDIT_BLOCKS,
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    IP_ADAPTER_BLOCKS,
    LATENT_UPSCALE_BLOCKS,
    LCM_BLOCKS,
    LCM_IMAGE2IMAGE_BLOCKS,
    SAFETY_BLOCKS,
    TEXT2IMAGE_BLOCKS,
    UPSCALE_BLOCKS,
    VARIATION_BLOCKS,
)

NAMES: dict[str, str] = {
    "sd.text2image": "TEXT2IMAGE_BLOCKS",
    "sd.image2image": "IMAGE2IMAGE_BLOCKS",
    "sd.inpainting": "INPAINT_BLOCKS",
    "sd.differential": "DIFFERENTIAL_BLOCKS",
    "sd.auto": "SDAutoBlocks",
    "sd.lcm": "LCM_BLOCKS",
    "sd.lcm.image2image": "LCM_IMAGE2IMAGE_BLOCKS",
    "sd.depth2image": "DEPTH2IMAGE_BLOCKS",
    "sd.edit": "EDIT_BLOCKS",
    "sd.upscale": "UPSCALE_BLOCKS",
    "sd.latent_upscale": "LATENT_UPSCALE_BLOCKS",
    "sd.variation": "VARIATION_BLOCKS",
    "StableDiffusionPipeline": "released:CHECKED_TEXT2IMAGE",
    "StableDiffusionPipeline/unchecked": "released:TEXT2IMAGE",
    "StableDiffusionImg2ImgPipeline": "released:CHECKED_IMAGE2IMAGE",
    "StableDiffusionImg2ImgPipeline/unchecked": "released:IMAGE2IMAGE",
    "StableDiffusionInpaintPipeline": "released:CHECKED_INPAINT",
    "StableDiffusionInpaintPipeline/unchecked": "released:INPAINT",
    "StableDiffusionControlNetPipeline": "released:CHECKED_CONTROLLED_TEXT2IMAGE",
    "StableDiffusionControlNetPipeline/unchecked": "released:CONTROLLED_TEXT2IMAGE",
    "StableDiffusionControlNetImg2ImgPipeline": "released:CHECKED_CONTROLLED_IMAGE2IMAGE",
    "StableDiffusionControlNetImg2ImgPipeline/unchecked": "released:CONTROLLED_IMAGE2IMAGE",
    "StableDiffusionControlNetInpaintPipeline": "released:CHECKED_CONTROLLED_INPAINT",
    "StableDiffusionControlNetInpaintPipeline/unchecked": "released:CONTROLLED_INPAINT",
    "StableDiffusionAdapterPipeline": "released:CHECKED_ADAPTED_TEXT2IMAGE",
    "StableDiffusionAdapterPipeline/unchecked": "released:ADAPTED_TEXT2IMAGE",
    "LatentConsistencyModelPipeline": "released:CHECKED_LCM",
    "LatentConsistencyModelPipeline/unchecked": "released:LCM",
    "LatentConsistencyModelImg2ImgPipeline": "released:CHECKED_LCM_IMAGE2IMAGE",
    "LatentConsistencyModelImg2ImgPipeline/unchecked": "released:LCM_IMAGE2IMAGE",
    "StableDiffusionUpscalePipeline": "released:CHECKED_UPSCALE",
    "StableDiffusionUpscalePipeline/unchecked": "released:UPSCALE",
    "StableDiffusionImageVariationPipeline": "released:CHECKED_VARIATION",
    "StableDiffusionImageVariationPipeline/unchecked": "released:VARIATION",
    "StableDiffusionInstructPix2PixPipeline": "released:CHECKED_EDIT",
    "StableDiffusionInstructPix2PixPipeline/unchecked": "released:EDIT",
    # Its repositories have no safety checker, and an extractor that is the depth estimator's.
    "StableDiffusionDepth2ImgPipeline": "DEPTH2IMAGE_BLOCKS",
    # Its classic pipeline looks at nothing.
    "StableDiffusionLatentUpscalePipeline": "LATENT_UPSCALE_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets; classes that repositories write; and behind a
slash a variant, where the index has no safety checker.
"""

__all__ = [
    "AUTO_BLOCKS",
    "CONTROLNET_BLOCKS",
    "DEPTH2IMAGE_BLOCKS",
    "DIFFERENTIAL_BLOCKS",
    "EDIT_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "IP_ADAPTER_BLOCKS",
    "LATENT_UPSCALE_BLOCKS",
    "LCM_BLOCKS",
    "LCM_IMAGE2IMAGE_BLOCKS",
    "NAMES",
    "SAFETY_BLOCKS",
    "SD",
    "SD_DEPTH",
    "SD_EDIT",
    "SD_LATENT_UPSCALE",
    "SD_LCM",
    "SD_UPSCALE",
    "SD_VARIATION",
    "T2I_ADAPTER_BLOCKS",
    "TEXT2IMAGE_BLOCKS",
    "UPSCALE_BLOCKS",
    "VARIATION_BLOCKS",
    "SDAutoBlocks",
    "with_adapter",
    "with_control",
]
