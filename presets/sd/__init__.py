"""Stable Diffusion 1 and 2 (Rombach et al. 2022, https://arxiv.org/abs/2112.10752)."""

from ...families.latent_upscaler import SD_LATENT_UPSCALE
from ...families.stable_diffusion import SD, SD_DEPTH, SD_EDIT, SD_LCM, SD_UPSCALE, SD_VARIATION
from ...registry import catalog
from .auto import AUTO_BLOCKS, SDAutoBlocks
from .control import CONTROLNET_BLOCKS, T2I_ADAPTER_BLOCKS, with_adapter, with_control
from .released import RELEASED
from .tasks import (
    DEPTH2IMAGE_BLOCKS,
    EDIT_BLOCKS,
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    IP_ADAPTER_BLOCKS,
    LATENT_UPSCALE_BLOCKS,
    LCM_BLOCKS,
    LCM_IMAGE2IMAGE_BLOCKS,
    SAFETY_BLOCKS,
    TEXT2IMAGE_BLOCKS,
    UPSCALE_BLOCKS,
    VARIATION_BLOCKS,
)

for _name, _target in {
    "sd.text2image": "TEXT2IMAGE_BLOCKS",
    "sd.image2image": "IMAGE2IMAGE_BLOCKS",
    "sd.inpainting": "INPAINT_BLOCKS",
    "sd.auto": "SDAutoBlocks",
    "sd.lcm": "LCM_BLOCKS",
    "sd.lcm.image2image": "LCM_IMAGE2IMAGE_BLOCKS",
    "sd.depth2image": "DEPTH2IMAGE_BLOCKS",
    "sd.edit": "EDIT_BLOCKS",
    "sd.upscale": "UPSCALE_BLOCKS",
    "sd.latent_upscale": "LATENT_UPSCALE_BLOCKS",
    "sd.variation": "VARIATION_BLOCKS",
}.items():
    catalog.register(_name, f"{__name__}:{_target}")
for _name, _target in RELEASED.items():
    catalog.register(_name, f"{__name__}.{_target}")

__all__ = [
    "AUTO_BLOCKS",
    "CONTROLNET_BLOCKS",
    "DEPTH2IMAGE_BLOCKS",
    "EDIT_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "IP_ADAPTER_BLOCKS",
    "LATENT_UPSCALE_BLOCKS",
    "LCM_BLOCKS",
    "LCM_IMAGE2IMAGE_BLOCKS",
    "SAFETY_BLOCKS",
    "SD",
    "SD_DEPTH",
    "SD_EDIT",
    "SD_LATENT_UPSCALE",
    "SD_LCM",
    "SD_UPSCALE",
    "SD_VARIATION",
    "T2I_ADAPTER_BLOCKS",
    "TEXT2IMAGE_BLOCKS",
    "UPSCALE_BLOCKS",
    "VARIATION_BLOCKS",
    "SDAutoBlocks",
    "with_adapter",
    "with_control",
]
