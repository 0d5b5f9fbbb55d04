"""Pictures as prompts: one block, which stands first in any task."""

from __future__ import annotations

from ...blocks.core.insertable_dict import InsertableDict
from ...blocks.steps.ip_adapter import AutoImagePrompt
from ...families.sdxl import SDXL
from .text2image import Blocks

IP_ADAPTER_BLOCKS: Blocks = InsertableDict(ip_adapter=AutoImagePrompt.bind(SDXL))
"""What IP-Adapters add to a task, by name; it runs where `ip_adapter_image` or `ip_adapter_image_embeds` is given."""
