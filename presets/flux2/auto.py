"""All tasks in one composition: what the caller gives decides what runs."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...blocks.core.sequential import SequentialPipelineBlocks
from ...families.flux2 import FLUX2
from ..auto_image import auto_image
from ..tasks import Blocks

AUTO_BLOCKS: Blocks = SharedBlocks("AUTO_BLOCKS", auto_image(FLUX2, globals()))
"""Blocks of every task, by name; `Flux2AutoBlocks` is the composition with the tasks' names."""


class Flux2AutoBlocks(SequentialPipelineBlocks):
    """FLUX.2: text to image, image to image and inpainting. `image` is what is changed; `TEXT2IMAGE_BLOCKS` read it as a reference."""

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = {"text2image": (), "image2image": ("image",), "inpainting": ("mask_image", "image")}
