"""All tasks of the first stage in one composition: what the caller gives decides what runs."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...blocks.core.sequential import SequentialPipelineBlocks
from ...families.unets.deepfloyd import DEEPFLOYD
from ..auto_image import auto_image
from ..tasks import Blocks

AUTO_BLOCKS: Blocks = SharedBlocks("AUTO_BLOCKS", auto_image(DEEPFLOYD, globals()))
"""Blocks of every task, by name; `DeepFloydAutoBlocks` is the composition with the tasks' names."""


class DeepFloydAutoBlocks(SequentialPipelineBlocks):
    """DeepFloyd IF: text to image, image to image and inpainting of the first stage."""

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = {"text2image": (), "image2image": ("image",), "inpainting": ("mask_image", "image")}
