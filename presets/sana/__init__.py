"""Sana (Xie et al. 2024, https://arxiv.org/abs/2410.10629) and Sana-Sprint (https://arxiv.org/abs/2503.09641)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.spatial.sana import SANA, SANA_SPRINT
from ..tasks import Blocks, differential, image2image, inpainting, text2image
from .auto import AUTO_BLOCKS, SanaAutoBlocks

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", text2image(SANA))
"""Blocks of text to image, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(SANA))
"""Blocks of image to image, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(SANA))
"""Blocks of inpainting, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", differential(SANA))
"""Blocks of image to image in which a map says how much each place may change, by name."""

SPRINT_TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("SPRINT_TEXT2IMAGE_BLOCKS", text2image(SANA_SPRINT))
"""Blocks of text to image by Sana-Sprint, by name."""

SPRINT_IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("SPRINT_IMAGE2IMAGE_BLOCKS", image2image(SANA_SPRINT))
"""Blocks of image to image by Sana-Sprint, by name."""

SPRINT_INPAINT_BLOCKS: Blocks = SharedBlocks("SPRINT_INPAINT_BLOCKS", inpainting(SANA_SPRINT))
"""Blocks of inpainting by Sana-Sprint, by name."""

NAMES: dict[str, str] = {
    "sana.text2image": "TEXT2IMAGE_BLOCKS",
    "sana.image2image": "IMAGE2IMAGE_BLOCKS",
    "sana.inpainting": "INPAINT_BLOCKS",
    "sana.differential": "DIFFERENTIAL_BLOCKS",
    "sana.auto": "SanaAutoBlocks",
    "sana.sprint.text2image": "SPRINT_TEXT2IMAGE_BLOCKS",
    "sana.sprint.image2image": "SPRINT_IMAGE2IMAGE_BLOCKS",
    "sana.sprint.inpainting": "SPRINT_INPAINT_BLOCKS",
    "SanaPipeline": "TEXT2IMAGE_BLOCKS",
    "SanaSprintPipeline": "SPRINT_TEXT2IMAGE_BLOCKS",
    "SanaSprintImg2ImgPipeline": "SPRINT_IMAGE2IMAGE_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUTO_BLOCKS",
    "DIFFERENTIAL_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "NAMES",
    "SANA",
    "SANA_SPRINT",
    "SPRINT_IMAGE2IMAGE_BLOCKS",
    "SPRINT_INPAINT_BLOCKS",
    "SPRINT_TEXT2IMAGE_BLOCKS",
    "TEXT2IMAGE_BLOCKS",
    "SanaAutoBlocks",
]
