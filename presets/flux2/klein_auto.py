"""All tasks of "klein" in one composition: what the caller gives decides what runs."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...blocks.core.sequential import SequentialPipelineBlocks
from ...families.flux2 import FLUX2_KLEIN
from ..auto_image import auto_image
from ..tasks import Blocks

AUTO_BLOCKS: Blocks = SharedBlocks("AUTO_BLOCKS", auto_image(FLUX2_KLEIN, globals()))
"""Blocks of every task, by name; `Flux2KleinAutoBlocks` is the composition with the tasks' names."""


class Flux2KleinAutoBlocks(SequentialPipelineBlocks):
    """FLUX.2 "klein": text to image, image to image and inpainting. `image` is what is changed; `KLEIN_BLOCKS` read it as a reference."""

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = {"text2image": (), "image2image": ("image",), "inpainting": ("mask_image", "image")}
