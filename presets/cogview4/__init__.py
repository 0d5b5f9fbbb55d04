"""CogView4 (Zhipu AI 2025, https://huggingface.co/zai-org/CogView4-6B)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.spatial.cogview4 import COGVIEW4, COGVIEW4_CONTROL
from ..tasks import Blocks, differential, image2image, inpainting, text2image
from ..tasks_beside import with_control_channels
from .auto import AUTO_BLOCKS, CogView4AutoBlocks

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", text2image(COGVIEW4))
"""Blocks of text to image, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(COGVIEW4))
"""Blocks of image to image, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(COGVIEW4))
"""Blocks of inpainting, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", differential(COGVIEW4))
"""Blocks of image to image in which a map says how much each place may change, by name."""

CONTROL_BLOCKS: Blocks = SharedBlocks(
    "CONTROL_BLOCKS", with_control_channels(text2image(COGVIEW4_CONTROL), COGVIEW4_CONTROL)
)
"""Blocks of text to image with a control image in further channels, by name."""

CONTROL_IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks(
    "CONTROL_IMAGE2IMAGE_BLOCKS", with_control_channels(image2image(COGVIEW4_CONTROL), COGVIEW4_CONTROL)
)
"""Blocks of image to image with a control image in further channels, by name."""

CONTROL_INPAINT_BLOCKS: Blocks = SharedBlocks(
    "CONTROL_INPAINT_BLOCKS", with_control_channels(inpainting(COGVIEW4_CONTROL), COGVIEW4_CONTROL)
)
"""Blocks of inpainting with a control image in further channels, by name."""

NAMES: dict[str, str] = {
    "cogview4.text2image": "TEXT2IMAGE_BLOCKS",
    "cogview4.image2image": "IMAGE2IMAGE_BLOCKS",
    "cogview4.inpainting": "INPAINT_BLOCKS",
    "cogview4.differential": "DIFFERENTIAL_BLOCKS",
    "cogview4.control": "CONTROL_BLOCKS",
    "cogview4.control_image2image": "CONTROL_IMAGE2IMAGE_BLOCKS",
    "cogview4.control_inpainting": "CONTROL_INPAINT_BLOCKS",
    "cogview4.auto": "CogView4AutoBlocks",
    "CogView4Pipeline": "TEXT2IMAGE_BLOCKS",
    "CogView4ControlPipeline": "CONTROL_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUTO_BLOCKS",
    "COGVIEW4",
    "COGVIEW4_CONTROL",
    "CONTROL_BLOCKS",
    "CONTROL_IMAGE2IMAGE_BLOCKS",
    "CONTROL_INPAINT_BLOCKS",
    "DIFFERENTIAL_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "NAMES",
    "TEXT2IMAGE_BLOCKS",
    "CogView4AutoBlocks",
]
