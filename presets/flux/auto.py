"""All tasks of FLUX.1 in one composition: what the caller gives decides what runs."""

from __future__ import annotations

from ...blocks.core.insertable_dict import SharedBlocks
from ...blocks.core.sequential import SequentialPipelineBlocks
from ...families.flux import FLUX
from ..auto_image import auto_image
from ..tasks import Blocks

AUTO_BLOCKS: Blocks = SharedBlocks("AUTO_BLOCKS", auto_image(FLUX, globals()))
"""Blocks of every task, by name; `FluxAutoBlocks` is the composition with the tasks' names."""


class FluxAutoBlocks(SequentialPipelineBlocks):
    """FLUX.1: text to image, image to image and inpainting, steered where a control image is given, and told an image where one is given
    as a prompt.
    """

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = {
        "text2image": (),
        "image2image": ("image",),
        "inpainting": ("mask_image", "image"),
        "controlnet_text2image": ("control_image",),
        "controlnet_image2image": ("control_image", "image"),
        "controlnet_inpainting": ("control_image", "mask_image", "image"),
        "ip_adapter_text2image": ("ip_adapter_image",),
        "ip_adapter_image2image": ("ip_adapter_image", "image"),
        "ip_adapter_inpainting": ("ip_adapter_image", "mask_image", "image"),
    }
