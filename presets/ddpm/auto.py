"""All tasks in one composition: what the caller gives decides what runs."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...blocks.core.sequential import SequentialPipelineBlocks
from ...families.ddpm import DDPM
from ..auto_image import auto_image
from ..tasks import Blocks

AUTO_BLOCKS: Blocks = SharedBlocks("AUTO_BLOCKS", auto_image(DDPM, globals()))
"""Blocks of every task, by name; `DDPMAutoBlocks` is the composition with the tasks' names."""


class DDPMAutoBlocks(SequentialPipelineBlocks):
    """Unconditional diffusion of pixels: images of noise alone, image to image and inpainting."""

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = {"unconditional": (), "image2image": ("image",), "inpainting": ("mask_image", "image")}
