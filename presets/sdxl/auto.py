"""All tasks in one composition: what the caller gives decides what runs."""

from __future__ import annotations

from ...blocks.core.choice import AutoPipelineBlocks
from ...blocks.core.insertable_dict import SharedBlocks
from ...blocks.core.sequential import SequentialPipelineBlocks
from ...families.sdxl import SDXL
from ..auto_image import WORKFLOWS, auto_image
from ..tasks import Blocks
from .control import CONTROLNET_BLOCKS

# Files name the classes of this family without a prefix.
AUTO_BLOCKS: Blocks = SharedBlocks("AUTO_BLOCKS", auto_image(SDXL, globals(), prefix=""))
"""Blocks of every task, by name; `AutoBlocks` is the composition with the tasks' names."""


class AutoControlInput(AutoPipelineBlocks):
    """Prepare what steers, where a control image is given: for compositions of one's own."""

    block_classes = [CONTROLNET_BLOCKS["controlnet_input"]]
    block_names = ["controlnet"]
    block_trigger_inputs = ["control_image"]


class AutoBlocks(SequentialPipelineBlocks):
    """Stable Diffusion XL: text to image, image to image and inpainting, steered where a control image is given, and
    told an image where one is given as a prompt.
    """

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = dict(WORKFLOWS)
