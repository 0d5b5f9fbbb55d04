"""All tasks in one composition: what the caller gives decides what runs."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...blocks.core.sequential import SequentialPipelineBlocks
from ...families.spatial.hunyuan_dit import HUNYUAN_DIT
from ..auto_image import WORKFLOWS, auto_image
from ..tasks import Blocks

AUTO_BLOCKS: Blocks = SharedBlocks("AUTO_BLOCKS", auto_image(HUNYUAN_DIT, globals()))
"""Blocks of every task, by name; `HunyuanDiTAutoBlocks` is the composition with the tasks' names."""


class HunyuanDiTAutoBlocks(SequentialPipelineBlocks):
    """Hunyuan-DiT: text to image, image to image and inpainting, steered where a control image is given."""

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = {name: inputs for name, inputs in WORKFLOWS.items() if "ip_adapter_image" not in inputs}
