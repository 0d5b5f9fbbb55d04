"""What opens where a repository's index names a class of diffusers: each stands for a task, with what adds to it.

As in diffusers, images are looked at where the repository has a safety checker, and are not where its index says that there is none.
"""

from __future__ import annotations

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.stable_diffusion import SD, SD_EDIT, SD_LCM, SD_UPSCALE, SD_VARIATION
from ..tasks import with_safety_check
from .control import with_adapter, with_control
from .tasks import (
    EDIT_BLOCKS,
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    LCM_BLOCKS,
    LCM_IMAGE2IMAGE_BLOCKS,
    TEXT2IMAGE_BLOCKS,
    UPSCALE_BLOCKS,
    VARIATION_BLOCKS,
)

_TASKS = {
    "TEXT2IMAGE": (SD, TEXT2IMAGE_BLOCKS),
    "IMAGE2IMAGE": (SD, IMAGE2IMAGE_BLOCKS),
    "INPAINT": (SD, INPAINT_BLOCKS),
    "CONTROLLED_TEXT2IMAGE": (SD, with_control(TEXT2IMAGE_BLOCKS)),
    "CONTROLLED_IMAGE2IMAGE": (SD, with_control(IMAGE2IMAGE_BLOCKS)),
    "CONTROLLED_INPAINT": (SD, with_control(INPAINT_BLOCKS)),
    "ADAPTED_TEXT2IMAGE": (SD, with_adapter(TEXT2IMAGE_BLOCKS)),
    "LCM": (SD_LCM, LCM_BLOCKS),
    "LCM_IMAGE2IMAGE": (SD_LCM, LCM_IMAGE2IMAGE_BLOCKS),
    "UPSCALE": (SD_UPSCALE, UPSCALE_BLOCKS),
    "VARIATION": (SD_VARIATION, VARIATION_BLOCKS),
    "EDIT": (SD_EDIT, EDIT_BLOCKS),
}

for _name, (_family, _blocks) in _TASKS.items():
    globals()[_name] = SharedBlocks(_name, _blocks)
    globals()[f"CHECKED_{_name}"] = SharedBlocks(f"CHECKED_{_name}", with_safety_check(_blocks, _family))
