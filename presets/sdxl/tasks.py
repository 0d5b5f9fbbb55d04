"""The tasks of Stable Diffusion XL, and what adds to them; dicts to copy and edit."""

from __future__ import annotations

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.sdxl import SDXL
from ..tasks import Blocks, differential, image2image, image_prompt, inpainting, safety_check, text2image

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", text2image(SDXL))
"""Blocks of text to image, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(SDXL))
"""Blocks of image to image, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(SDXL))
"""Blocks of inpainting, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", differential(SDXL))
"""Blocks of image to image in which a map says how much each place may change, by name."""

IP_ADAPTER_BLOCKS: Blocks = SharedBlocks("IP_ADAPTER_BLOCKS", image_prompt(SDXL))
"""What IP-Adapters add to a task, by name; it runs where `ip_adapter_image` or `ip_adapter_image_embeds` is given."""

SAFETY_BLOCKS: Blocks = SharedBlocks("SAFETY_BLOCKS", safety_check(SDXL))
"""What looks at images after they are decoded, by name."""
