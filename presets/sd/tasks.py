"""The tasks of Stable Diffusion 1 and 2, and what adds to them; dicts to copy and edit."""

from __future__ import annotations

from ...blocks.core.insertable_dict import InsertableDict, SharedBlocks
from ...blocks.steps.strength_timesteps import SetStrengthTimesteps
from ...families.latent_upscaler import SD_LATENT_UPSCALE
from ...families.stable_diffusion import SD, SD_DEPTH, SD_EDIT, SD_LCM, SD_UPSCALE, SD_VARIATION
from ..tasks import (
    Blocks,
    depth2image,
    differential,
    edit,
    image2image,
    image_prompt,
    inpainting,
    latent_upscaling,
    safety_check,
    text2image,
    upscaling,
    variation,
)

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", text2image(SD))
"""Blocks of text to image, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(SD))
"""Blocks of image to image, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(SD))
"""Blocks of inpainting, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", differential(SD))
"""Blocks of image to image in which a map says how much each place may change, by name."""

LCM_BLOCKS: Blocks = SharedBlocks("LCM_BLOCKS", text2image(SD_LCM))
"""Blocks of text to image in a few steps with latent consistency models, by name."""

LCM_IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks(
    "LCM_IMAGE2IMAGE_BLOCKS", InsertableDict(image2image(SD_LCM), set_timesteps=SetStrengthTimesteps.bind(SD_LCM))
)
"""Blocks of image to image in a few steps with latent consistency models, by name."""

DEPTH2IMAGE_BLOCKS: Blocks = SharedBlocks("DEPTH2IMAGE_BLOCKS", depth2image(SD_DEPTH))
"""Blocks of image to image with UNets that read the image's depth, by name."""

EDIT_BLOCKS: Blocks = SharedBlocks("EDIT_BLOCKS", edit(SD_EDIT))
"""Blocks that edit an image as a text says (InstructPix2Pix), by name."""

UPSCALE_BLOCKS: Blocks = SharedBlocks("UPSCALE_BLOCKS", upscaling(SD_UPSCALE))
"""Blocks that make an image four times as large, by name."""

LATENT_UPSCALE_BLOCKS: Blocks = SharedBlocks("LATENT_UPSCALE_BLOCKS", latent_upscaling(SD_LATENT_UPSCALE))
"""Blocks that make an image, or its latents, twice as large, by name."""

VARIATION_BLOCKS: Blocks = SharedBlocks("VARIATION_BLOCKS", variation(SD_VARIATION))
"""Blocks that draw images like a given one, by name."""

IP_ADAPTER_BLOCKS: Blocks = SharedBlocks("IP_ADAPTER_BLOCKS", image_prompt(SD))
"""What IP-Adapters add to a task, by name; it runs where `ip_adapter_image` or `ip_adapter_image_embeds` is given."""

SAFETY_BLOCKS: Blocks = SharedBlocks("SAFETY_BLOCKS", safety_check(SD))
"""What looks at images after they are decoded, by name."""
