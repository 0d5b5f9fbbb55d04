"""All tasks in one composition: what the caller gives decides what runs."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...blocks.core.sequential import SequentialPipelineBlocks
from ...families.unets.kolors import KOLORS
from ..auto_image import WORKFLOWS, auto_image
from ..tasks import Blocks

AUTO_BLOCKS: Blocks = SharedBlocks("AUTO_BLOCKS", auto_image(KOLORS, globals()))
"""Blocks of every task, by name; `KolorsAutoBlocks` is the composition with the tasks' names."""


class KolorsAutoBlocks(SequentialPipelineBlocks):
    """Kolors: text to image, image to image and inpainting, told an image where one is given as a prompt."""

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = {name: inputs for name, inputs in WORKFLOWS.items() if "control_image" not in inputs}
