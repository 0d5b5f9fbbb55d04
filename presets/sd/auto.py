"""All tasks in one composition: what the caller gives decides what runs."""

from __future__ import annotations

from ...blocks.core.insertable_dict import SharedBlocks
from ...blocks.core.sequential import SequentialPipelineBlocks
from ...families.stable_diffusion import SD
from ..auto_image import WORKFLOWS, auto_image
from ..tasks import Blocks

AUTO_BLOCKS: Blocks = SharedBlocks("AUTO_BLOCKS", auto_image(SD, globals()))
"""Blocks of every task, by name; `SDAutoBlocks` is the composition with the tasks' names."""


class SDAutoBlocks(SequentialPipelineBlocks):
    """Stable Diffusion 1 and 2: text to image, image to image and inpainting, steered where a control image is given, and
    told an image where one is given as a prompt.
    """

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = dict(WORKFLOWS)
