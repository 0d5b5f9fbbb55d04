"""Stable Diffusion 3 and 3.5 (Esser et al. 2024, https://arxiv.org/abs/2403.03206)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.sd3 import SD3
from ..tasks import Blocks, differential, image2image, image_prompt, inpainting, text2image
from .auto import AUTO_BLOCKS, SD3AutoBlocks
from .control import CONTROLNET_IMAGE2IMAGE, CONTROLNET_INPAINT, CONTROLNET_TEXT2IMAGE, with_control

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", text2image(SD3))
"""Blocks of text to image, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(SD3))
"""Blocks of image to image, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(SD3))
"""Blocks of inpainting, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", differential(SD3))
"""Blocks of image to image in which a map says how much each place may change, by name."""
IP_ADAPTER_BLOCKS: Blocks = SharedBlocks("IP_ADAPTER_BLOCKS", image_prompt(SD3))
"""What an IP-Adapter adds to a task, by name; it runs where `ip_adapter_image` or `ip_adapter_image_embeds` is given."""

NAMES: dict[str, str] = {
    "sd3.text2image": "TEXT2IMAGE_BLOCKS",
    "sd3.image2image": "IMAGE2IMAGE_BLOCKS",
    "sd3.inpainting": "INPAINT_BLOCKS",
    "sd3.differential": "DIFFERENTIAL_BLOCKS",
    "sd3.auto": "SD3AutoBlocks",
    "StableDiffusion3AutoBlocks": "SD3AutoBlocks",
    "StableDiffusion3Pipeline": "TEXT2IMAGE_BLOCKS",
    "StableDiffusion3ModularPipeline": "TEXT2IMAGE_BLOCKS",
    "StableDiffusion3Img2ImgPipeline": "IMAGE2IMAGE_BLOCKS",
    "StableDiffusion3InpaintPipeline": "INPAINT_BLOCKS",
    "sd3.controlnet.text2image": "CONTROLNET_TEXT2IMAGE",
    "sd3.controlnet.image2image": "CONTROLNET_IMAGE2IMAGE",
    "sd3.controlnet.inpainting": "CONTROLNET_INPAINT",
    "StableDiffusion3ControlNetPipeline": "CONTROLNET_TEXT2IMAGE",
    "StableDiffusion3ControlNetInpaintingPipeline": "CONTROLNET_TEXT2IMAGE",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUTO_BLOCKS",
    "CONTROLNET_IMAGE2IMAGE",
    "CONTROLNET_INPAINT",
    "CONTROLNET_TEXT2IMAGE",
    "DIFFERENTIAL_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "IP_ADAPTER_BLOCKS",
    "NAMES",
    "SD3",
    "TEXT2IMAGE_BLOCKS",
    "SD3AutoBlocks",
    "with_control",
]
