"""FLUX.1 (https://github.com/black-forest-labs/flux)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.flux import FLUX, FLUX_FILL, FLUX_KONTEXT
from ..tasks import Blocks, differential, image2image, image_prompt, inpainting, text2image
from .auto import AUTO_BLOCKS, FluxAutoBlocks
from .beside import (
    CONTROL_BLOCKS,
    CONTROL_IMAGE2IMAGE_BLOCKS,
    CONTROL_INPAINT_BLOCKS,
    CONTROLNET_IMAGE2IMAGE,
    CONTROLNET_INPAINT,
    CONTROLNET_TEXT2IMAGE,
    FILL_BLOCKS,
    KONTEXT_BLOCKS,
    KONTEXT_INPAINT_BLOCKS,
    REDUX_BLOCKS,
    REDUX_IMAGE_PRIOR_BLOCKS,
    REDUX_PRIOR_BLOCKS,
    with_control_image,
)

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", text2image(FLUX))
"""Blocks of text to image, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(FLUX))
"""Blocks of image to image, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(FLUX))
"""Blocks of inpainting, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks("DIFFERENTIAL_BLOCKS", differential(FLUX))
"""Blocks of image to image in which a map says how much each place may change, by name."""

IP_ADAPTER_BLOCKS: Blocks = SharedBlocks("IP_ADAPTER_BLOCKS", image_prompt(FLUX))
"""What IP-Adapters add to a task, by name; it runs where `ip_adapter_image` or `ip_adapter_image_embeds` is given."""

NAMES: dict[str, str] = {
    "flux.text2image": "TEXT2IMAGE_BLOCKS",
    "flux.image2image": "IMAGE2IMAGE_BLOCKS",
    "flux.inpainting": "INPAINT_BLOCKS",
    "flux.differential": "DIFFERENTIAL_BLOCKS",
    "flux.auto": "FluxAutoBlocks",
    "flux.control": "CONTROL_BLOCKS",
    "flux.fill": "FILL_BLOCKS",
    "flux.kontext": "KONTEXT_BLOCKS",
    "flux.kontext.inpainting": "KONTEXT_INPAINT_BLOCKS",
    "FluxPipeline": "TEXT2IMAGE_BLOCKS",
    "FluxModularPipeline": "TEXT2IMAGE_BLOCKS",
    "FluxAutoBlocks": "FluxAutoBlocks",
    "FluxImg2ImgPipeline": "IMAGE2IMAGE_BLOCKS",
    "FluxInpaintPipeline": "INPAINT_BLOCKS",
    "FluxFillPipeline": "FILL_BLOCKS",
    "FluxKontextPipeline": "KONTEXT_BLOCKS",
    "FluxKontextInpaintPipeline": "KONTEXT_INPAINT_BLOCKS",
    "FluxKontextAutoBlocks": "KONTEXT_BLOCKS",
    "FluxKontextModularPipeline": "KONTEXT_BLOCKS",
    "FluxControlPipeline": "CONTROL_BLOCKS",
    "FluxControlImg2ImgPipeline": "CONTROL_IMAGE2IMAGE_BLOCKS",
    "FluxControlInpaintPipeline": "CONTROL_INPAINT_BLOCKS",
    "FluxPriorReduxPipeline": "REDUX_PRIOR_BLOCKS",
    # The released repository has no text encoders.
    "FluxPriorReduxPipeline/untold": "REDUX_IMAGE_PRIOR_BLOCKS",
    "flux.redux": "REDUX_BLOCKS",
    "FluxControlNetPipeline": "CONTROLNET_TEXT2IMAGE",
    "FluxControlNetImg2ImgPipeline": "CONTROLNET_IMAGE2IMAGE",
    "FluxControlNetInpaintPipeline": "CONTROLNET_INPAINT",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUTO_BLOCKS",
    "CONTROLNET_IMAGE2IMAGE",
    "CONTROLNET_INPAINT",
    "CONTROLNET_TEXT2IMAGE",
    "CONTROL_BLOCKS",
    "CONTROL_IMAGE2IMAGE_BLOCKS",
    "CONTROL_INPAINT_BLOCKS",
    "DIFFERENTIAL_BLOCKS",
    "FILL_BLOCKS",
    "FLUX",
    "FLUX_FILL",
    "FLUX_KONTEXT",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "IP_ADAPTER_BLOCKS",
    "KONTEXT_BLOCKS",
    "KONTEXT_INPAINT_BLOCKS",
    "NAMES",
    "REDUX_BLOCKS",
    "REDUX_IMAGE_PRIOR_BLOCKS",
    "REDUX_PRIOR_BLOCKS",
    "TEXT2IMAGE_BLOCKS",
    "FluxAutoBlocks",
    "with_control_image",
]
