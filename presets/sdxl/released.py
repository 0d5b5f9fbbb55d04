"""What opens where a repository's index names a class of diffusers that stands for a task with what adds to it."""

from __future__ import annotations

from ...blocks.core.insertable_dict import SharedBlocks
from ..tasks import Blocks
from .control import with_adapter, with_control
from .tasks import IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS, TEXT2IMAGE_BLOCKS

CONTROLLED_TEXT2IMAGE: Blocks = SharedBlocks("CONTROLLED_TEXT2IMAGE", with_control(TEXT2IMAGE_BLOCKS))
CONTROLLED_IMAGE2IMAGE: Blocks = SharedBlocks("CONTROLLED_IMAGE2IMAGE", with_control(IMAGE2IMAGE_BLOCKS))
CONTROLLED_INPAINT: Blocks = SharedBlocks("CONTROLLED_INPAINT", with_control(INPAINT_BLOCKS))
ADAPTED_TEXT2IMAGE: Blocks = SharedBlocks("ADAPTED_TEXT2IMAGE", with_adapter(TEXT2IMAGE_BLOCKS))
