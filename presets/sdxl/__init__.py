"""Stable Diffusion XL (Podell et al. 2023, https://arxiv.org/abs/2307.01952)."""

from ...families.sdxl import SDXL, SDXL_REFINER, SDXL_REFINER_ALONE, SDXL_SECOND
from ...registry import catalog
from .auto import AUTO_BLOCKS, AutoBlocks, AutoControlInput
from .control import CONTROLNET_BLOCKS, T2I_ADAPTER_BLOCKS, with_adapter, with_control
from .refiner import (
    REFINER_BLOCKS,
    REFINER_IMAGE2IMAGE_BLOCKS,
    REFINER_INPAINT_BLOCKS,
    SECOND_UNET_BLOCKS,
    with_refiner,
)
from .released import RELEASED
from .tasks import IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS, IP_ADAPTER_BLOCKS, SAFETY_BLOCKS, TEXT2IMAGE_BLOCKS

for _name, _target in {
    "sdxl.text2image": "TEXT2IMAGE_BLOCKS",
    "sdxl.image2image": "IMAGE2IMAGE_BLOCKS",
    "sdxl.inpainting": "INPAINT_BLOCKS",
    "sdxl.auto": "AutoBlocks",
    "sdxl.refiner": "REFINER_IMAGE2IMAGE_BLOCKS",
}.items():
    catalog.register(_name, f"{__name__}:{_target}")
for _name, _target in RELEASED.items():
    catalog.register(_name, f"{__name__}.{_target}")

__all__ = [
    "AUTO_BLOCKS",
    "CONTROLNET_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "IP_ADAPTER_BLOCKS",
    "REFINER_BLOCKS",
    "REFINER_IMAGE2IMAGE_BLOCKS",
    "REFINER_INPAINT_BLOCKS",
    "SAFETY_BLOCKS",
    "SDXL",
    "SDXL_REFINER",
    "SDXL_REFINER_ALONE",
    "SDXL_SECOND",
    "SECOND_UNET_BLOCKS",
    "T2I_ADAPTER_BLOCKS",
    "TEXT2IMAGE_BLOCKS",
    "AutoBlocks",
    "AutoControlInput",
    "with_adapter",
    "with_control",
    "with_refiner",
]
