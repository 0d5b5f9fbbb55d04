"""Stable Diffusion 1 and 2 (Rombach et al. 2022, https://arxiv.org/abs/2112.10752)."""

from ...families.stable_diffusion import SD
from ...registry import catalog
from .tasks import IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS, IP_ADAPTER_BLOCKS, SAFETY_BLOCKS, TEXT2IMAGE_BLOCKS

for _name, _target in {
    "sd.text2image": "TEXT2IMAGE_BLOCKS",
    "sd.image2image": "IMAGE2IMAGE_BLOCKS",
    "sd.inpainting": "INPAINT_BLOCKS",
}.items():
    catalog.register(_name, f"{__name__}:{_target}")

__all__ = ["IMAGE2IMAGE_BLOCKS", "INPAINT_BLOCKS", "IP_ADAPTER_BLOCKS", "SAFETY_BLOCKS", "SD", "TEXT2IMAGE_BLOCKS"]
