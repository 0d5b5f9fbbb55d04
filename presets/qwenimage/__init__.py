"""Qwen-Image and Qwen-Image-Edit (https://arxiv.org/abs/2508.02324)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.qwenimage import (
    LIGHTNING_SCHEDULER,
    QWEN_IMAGE,
    QWEN_IMAGE_EDIT,
    QWEN_IMAGE_EDIT_PLUS,
    QWEN_IMAGE_LIGHTNING,
)
from ..tasks import Blocks, differential, image2image, inpainting, text2image, with_control
from ..tasks_beside import with_references
from .auto import AUTO_BLOCKS, QwenImageAutoBlocks

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", text2image(QWEN_IMAGE))
"""Blocks of text to image, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(QWEN_IMAGE))
"""Blocks of image to image, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(QWEN_IMAGE))
"""Blocks of inpainting, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", differential(QWEN_IMAGE))
"""Blocks of image to image in which a map says how much each place may change, by name."""

CONTROLNET_TEXT2IMAGE: Blocks = SharedBlocks("CONTROLNET_TEXT2IMAGE", with_control(text2image(QWEN_IMAGE), QWEN_IMAGE))

LIGHTNING_BLOCKS: Blocks = SharedBlocks("LIGHTNING_BLOCKS", text2image(QWEN_IMAGE_LIGHTNING))
"""Blocks of text to image in a few steps, by name."""

EDIT_BLOCKS: Blocks = SharedBlocks("EDIT_BLOCKS", with_references(QWEN_IMAGE_EDIT))
"""Blocks that edit an image as a text says, by name."""

EDIT_PLUS_BLOCKS: Blocks = SharedBlocks("EDIT_PLUS_BLOCKS", with_references(QWEN_IMAGE_EDIT_PLUS))
"""Blocks that make an image of several ones as a text says, by name."""

NAMES: dict[str, str] = {
    "qwenimage.text2image": "TEXT2IMAGE_BLOCKS",
    "qwenimage.image2image": "IMAGE2IMAGE_BLOCKS",
    "qwenimage.inpainting": "INPAINT_BLOCKS",
    "qwenimage.differential": "DIFFERENTIAL_BLOCKS",
    "qwenimage.lightning": "LIGHTNING_BLOCKS",
    "qwenimage.edit": "EDIT_BLOCKS",
    "qwenimage.edit.plus": "EDIT_PLUS_BLOCKS",
    "qwenimage.auto": "QwenImageAutoBlocks",
    "QwenImagePipeline": "TEXT2IMAGE_BLOCKS",
    "QwenImageModularPipeline": "TEXT2IMAGE_BLOCKS",
    "QwenImageAutoBlocks": "QwenImageAutoBlocks",
    "QwenImageImg2ImgPipeline": "IMAGE2IMAGE_BLOCKS",
    "QwenImageInpaintPipeline": "INPAINT_BLOCKS",
    "QwenImageControlNetPipeline": "CONTROLNET_TEXT2IMAGE",
    "QwenImageEditPipeline": "EDIT_BLOCKS",
    "QwenImageEditModularPipeline": "EDIT_BLOCKS",
    "QwenImageEditAutoBlocks": "EDIT_BLOCKS",
    "QwenImageEditPlusPipeline": "EDIT_PLUS_BLOCKS",
    "QwenImageEditPlusModularPipeline": "EDIT_PLUS_BLOCKS",
    "QwenImageEditPlusAutoBlocks": "EDIT_PLUS_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUTO_BLOCKS",
    "CONTROLNET_TEXT2IMAGE",
    "DIFFERENTIAL_BLOCKS",
    "EDIT_BLOCKS",
    "EDIT_PLUS_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "LIGHTNING_BLOCKS",
    "LIGHTNING_SCHEDULER",
    "NAMES",
    "QWEN_IMAGE",
    "QWEN_IMAGE_EDIT",
    "QWEN_IMAGE_EDIT_PLUS",
    "QWEN_IMAGE_LIGHTNING",
    "TEXT2IMAGE_BLOCKS",
    "QwenImageAutoBlocks",
]
