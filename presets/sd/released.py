"""What opens where a repository's index names a class of diffusers: each stands for a task, with what adds to it.

As in diffusers, images are looked at where the repository has a safety checker, and are not where its index says that there is none.
"""

from __future__ import annotations

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.latent_upscaler import SD_LATENT_UPSCALE
from ...families.stable_diffusion import SD, SD_DEPTH, SD_EDIT, SD_LCM, SD_UPSCALE, SD_VARIATION
from ...registry.catalog import VARIANT
from ..tasks import with_safety_check
from .control import with_adapter, with_control
from .tasks import (
    DEPTH2IMAGE_BLOCKS,
    EDIT_BLOCKS,
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    LATENT_UPSCALE_BLOCKS,
    LCM_BLOCKS,
    LCM_IMAGE2IMAGE_BLOCKS,
    TEXT2IMAGE_BLOCKS,
    UPSCALE_BLOCKS,
    VARIATION_BLOCKS,
)

_TASKS = {
    SD.classic_pipeline: ("TEXT2IMAGE", TEXT2IMAGE_BLOCKS),
    "StableDiffusionImg2ImgPipeline": ("IMAGE2IMAGE", IMAGE2IMAGE_BLOCKS),
    "StableDiffusionInpaintPipeline": ("INPAINT", INPAINT_BLOCKS),
    "StableDiffusionControlNetPipeline": ("CONTROLLED_TEXT2IMAGE", with_control(TEXT2IMAGE_BLOCKS)),
    "StableDiffusionControlNetImg2ImgPipeline": ("CONTROLLED_IMAGE2IMAGE", with_control(IMAGE2IMAGE_BLOCKS)),
    "StableDiffusionControlNetInpaintPipeline": ("CONTROLLED_INPAINT", with_control(INPAINT_BLOCKS)),
    "StableDiffusionAdapterPipeline": ("ADAPTED_TEXT2IMAGE", with_adapter(TEXT2IMAGE_BLOCKS)),
    SD_LCM.classic_pipeline: ("LCM", LCM_BLOCKS),
    "LatentConsistencyModelImg2ImgPipeline": ("LCM_IMAGE2IMAGE", LCM_IMAGE2IMAGE_BLOCKS),
    SD_UPSCALE.classic_pipeline: ("UPSCALE", UPSCALE_BLOCKS),
    SD_VARIATION.classic_pipeline: ("VARIATION", VARIATION_BLOCKS),
    SD_EDIT.classic_pipeline: ("EDIT", EDIT_BLOCKS),
}

_FAMILIES = {
    "LCM": SD_LCM,
    "LCM_IMAGE2IMAGE": SD_LCM,
    "EDIT": SD_EDIT,
    "UPSCALE": SD_UPSCALE,
    "VARIATION": SD_VARIATION,
}

RELEASED: dict[str, str] = {}
"""Class to what opens for it, as module of this package and name in it; a variant, where the index has no safety checker."""

# Its repositories have no safety checker, and an extractor that is the depth estimator's.
DEPTH2IMAGE = DEPTH2IMAGE_BLOCKS
RELEASED[SD_DEPTH.classic_pipeline] = "released:DEPTH2IMAGE"
# Its classic pipeline looks at nothing.
LATENT_UPSCALE = LATENT_UPSCALE_BLOCKS
RELEASED[SD_LATENT_UPSCALE.classic_pipeline] = "released:LATENT_UPSCALE"

for _class, (_name, _blocks) in _TASKS.items():
    globals()[_name] = SharedBlocks(_name, _blocks)
    globals()[f"CHECKED_{_name}"] = SharedBlocks(
        f"CHECKED_{_name}", with_safety_check(_blocks, _FAMILIES.get(_name, SD))
    )
    RELEASED[_class] = f"released:CHECKED_{_name}"
    RELEASED[f"{_class}{VARIANT}unchecked"] = f"released:{_name}"
