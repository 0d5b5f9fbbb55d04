"""Unconditional diffusion of pixels (Ho et al. 2020, https://arxiv.org/abs/2006.11239)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.ddpm import DDPM
from ...registry import catalog
from ..tasks import Blocks, text2image

UNCONDITIONAL_BLOCKS: Blocks = SharedBlocks("UNCONDITIONAL_BLOCKS", text2image(DDPM))
"""Blocks that make images of noise alone, by name."""

for _name in ("ddpm.unconditional", DDPM.classic_pipeline, "DDIMPipeline"):
    catalog.register(_name, f"{__name__}:UNCONDITIONAL_BLOCKS")

__all__ = ["DDPM", "UNCONDITIONAL_BLOCKS"]
