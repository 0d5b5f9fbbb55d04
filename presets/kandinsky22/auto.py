"""All tasks in one composition, prior and decoder: what the caller gives decides what runs."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...blocks.core.sequential import SequentialPipelineBlocks
from ...families.unets.kandinsky22 import KANDINSKY22, KANDINSKY22_PRIOR
from ..auto_image import auto_image
from ..tasks import Blocks
from ..tasks_of_vectors import with_prior

AUTO_BLOCKS: Blocks = SharedBlocks(
    "AUTO_BLOCKS", with_prior(auto_image(KANDINSKY22, globals()), KANDINSKY22, KANDINSKY22_PRIOR)
)
"""Blocks of every task, by name; `Kandinsky22AutoBlocks` is the composition with the tasks' names."""


class Kandinsky22AutoBlocks(SequentialPipelineBlocks):
    """Kandinsky 2.2: text to image, image to image and inpainting, prior and decoder in one."""

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = {"text2image": (), "image2image": ("image",), "inpainting": ("mask_image", "image")}
