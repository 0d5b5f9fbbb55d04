"""All tasks of Qwen-Image in one composition: what the caller gives decides what runs."""

from __future__ import annotations

from ...blocks.core.insertable_dict import SharedBlocks
from ...blocks.core.sequential import SequentialPipelineBlocks
from ...families.qwenimage import QWEN_IMAGE
from ..auto_image import WORKFLOWS, auto_image
from ..tasks import Blocks

AUTO_BLOCKS: Blocks = SharedBlocks("AUTO_BLOCKS", auto_image(QWEN_IMAGE, globals()))
"""Blocks of every task, by name; `QwenImageAutoBlocks` is the composition with the tasks' names."""


class QwenImageAutoBlocks(SequentialPipelineBlocks):
    """Qwen-Image: text to image, image to image and inpainting, steered where a control image is given."""

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = {name: inputs for name, inputs in WORKFLOWS.items() if not name.startswith("ip_adapter")}
