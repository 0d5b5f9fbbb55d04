"""The tasks of Stable Diffusion XL, and what adds to them; dicts to copy and edit."""

from __future__ import annotations

from ...families.sdxl import SDXL
from ..tasks import Blocks, image2image, image_prompt, inpainting, safety_check, text2image

TEXT2IMAGE_BLOCKS: Blocks = text2image(SDXL)
"""Blocks of text to image, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = image2image(SDXL)
"""Blocks of image to image, by name."""

INPAINT_BLOCKS: Blocks = inpainting(SDXL)
"""Blocks of inpainting, by name."""

IP_ADAPTER_BLOCKS: Blocks = image_prompt(SDXL)
"""What IP-Adapters add to a task, by name; it runs where `ip_adapter_image` or `ip_adapter_image_embeds` is given."""

SAFETY_BLOCKS: Blocks = safety_check(SDXL)
"""What looks at images after they are decoded, by name."""
