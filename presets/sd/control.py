"""Steering by ControlNets, which fit into every task, and by T2I-Adapters: two blocks each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.stable_diffusion import SD
from .. import tasks
from ..tasks import Blocks

CONTROLNET_BLOCKS: Blocks = SharedBlocks("CONTROLNET_BLOCKS", tasks.control(SD))
"""What control adds to a task, by name: the first before the denoising, the second in its place."""


def with_control(blocks: Mapping[str, Any]) -> Blocks:
    """Return the blocks of a task, steered by ControlNets.

    Text to image takes its size from the control image where none is given; the other tasks from their own image.
    """
    return tasks.with_control(blocks, SD)


T2I_ADAPTER_BLOCKS: Blocks = SharedBlocks("T2I_ADAPTER_BLOCKS", tasks.adapter(SD))
"""What a T2I-Adapter adds to text to image, by name."""


def with_adapter(blocks: Mapping[str, Any]) -> Blocks:
    """Return the blocks of a task with a T2I-Adapter, beside ControlNets where they are steered by such."""
    return tasks.with_adapter(blocks, SD)
