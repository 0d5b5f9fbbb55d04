"""Hunyuan-DiT (Li et al. 2024, https://arxiv.org/abs/2405.08748)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.spatial.hunyuan_dit import HUNYUAN_DIT
from ..tasks import Blocks, differential, image2image, inpainting, text2image
from .auto import AUTO_BLOCKS, HunyuanDiTAutoBlocks
from .control import CONTROLNET_IMAGE2IMAGE, CONTROLNET_INPAINT, CONTROLNET_TEXT2IMAGE, with_control

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", text2image(HUNYUAN_DIT))
"""Blocks of text to image, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(HUNYUAN_DIT))
"""Blocks of image to image, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(HUNYUAN_DIT))
"""Blocks of inpainting, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", differential(HUNYUAN_DIT))
"""Blocks of image to image in which a map says how much each place may change, by name."""

NAMES: dict[str, str] = {
    "hunyuan_dit.text2image": "TEXT2IMAGE_BLOCKS",
    "hunyuan_dit.image2image": "IMAGE2IMAGE_BLOCKS",
    "hunyuan_dit.inpainting": "INPAINT_BLOCKS",
    "hunyuan_dit.differential": "DIFFERENTIAL_BLOCKS",
    "hunyuan_dit.auto": "HunyuanDiTAutoBlocks",
    "hunyuan_dit.controlnet.text2image": "CONTROLNET_TEXT2IMAGE",
    "hunyuan_dit.controlnet.image2image": "CONTROLNET_IMAGE2IMAGE",
    "hunyuan_dit.controlnet.inpainting": "CONTROLNET_INPAINT",
    "HunyuanDiTPipeline": "TEXT2IMAGE_BLOCKS",
    "HunyuanDiTControlNetPipeline": "CONTROLNET_TEXT2IMAGE",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUTO_BLOCKS",
    "CONTROLNET_IMAGE2IMAGE",
    "CONTROLNET_INPAINT",
    "CONTROLNET_TEXT2IMAGE",
    "DIFFERENTIAL_BLOCKS",
    "HUNYUAN_DIT",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "NAMES",
    "TEXT2IMAGE_BLOCKS",
    "HunyuanDiTAutoBlocks",
    "with_control",
]
