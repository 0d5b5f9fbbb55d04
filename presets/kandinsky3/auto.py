"""All tasks in one composition: what the caller gives decides what runs."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...blocks.core.sequential import SequentialPipelineBlocks
from ...families.unets.kandinsky3 import KANDINSKY3
from ..auto_image import auto_image
from ..tasks import Blocks
from ..tasks_of_texts import with_cut_texts

AUTO_BLOCKS: Blocks = SharedBlocks("AUTO_BLOCKS", with_cut_texts(auto_image(KANDINSKY3, globals()), KANDINSKY3))
"""Blocks of every task, by name; `Kandinsky3AutoBlocks` is the composition with the tasks' names."""


class Kandinsky3AutoBlocks(SequentialPipelineBlocks):
    """Kandinsky 3: text to image, image to image and inpainting."""

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = {"text2image": (), "image2image": ("image",), "inpainting": ("mask_image", "image")}
