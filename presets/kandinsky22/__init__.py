"""Kandinsky 2.2 (AI Forever 2023, https://huggingface.co/kandinsky-community): a prior, a decoder, and both in one composition."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.unets.kandinsky22 import KANDINSKY22, KANDINSKY22_HINT, KANDINSKY22_MASKED, KANDINSKY22_PRIOR
from ..tasks import Blocks, differential, image2image, inpainting, text2image
from ..tasks_of_vectors import inpainting_beside, prior, with_hint, with_prior
from .auto import AUTO_BLOCKS, Kandinsky22AutoBlocks

PRIOR_BLOCKS: Blocks = SharedBlocks("PRIOR_BLOCKS", prior(KANDINSKY22_PRIOR))
"""Blocks that make `image_embeds` and `negative_image_embeds` of prompts, by name."""

DECODER_BLOCKS: Blocks = SharedBlocks("DECODER_BLOCKS", text2image(KANDINSKY22))
"""Blocks that make images of `image_embeds`, by name."""

DECODER_IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("DECODER_IMAGE2IMAGE_BLOCKS", image2image(KANDINSKY22))
"""Blocks that begin from an image, and are told `image_embeds`, by name."""

DECODER_CONTROL_BLOCKS: Blocks = SharedBlocks(
    "DECODER_CONTROL_BLOCKS", with_hint(text2image(KANDINSKY22_HINT), KANDINSKY22_HINT)
)
"""Blocks that make images of `image_embeds` by a UNet that is steered by an image, by name."""

DECODER_CONTROL_IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks(
    "DECODER_CONTROL_IMAGE2IMAGE_BLOCKS", with_hint(image2image(KANDINSKY22_HINT), KANDINSKY22_HINT)
)
"""Blocks that begin from an image, by a UNet that is steered by another one, by name."""

DECODER_INPAINT_BLOCKS: Blocks = SharedBlocks("DECODER_INPAINT_BLOCKS", inpainting_beside(KANDINSKY22_MASKED))
"""Blocks of inpainting by a UNet that reads a mask, told `image_embeds`, by name."""

MASKED_INPAINT_BLOCKS: Blocks = SharedBlocks(
    "MASKED_INPAINT_BLOCKS", with_prior(inpainting_beside(KANDINSKY22_MASKED), KANDINSKY22_MASKED, KANDINSKY22_PRIOR)
)
"""Blocks of inpainting by a UNet that reads a mask, prior and decoder in one, by name."""

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks(
    "TEXT2IMAGE_BLOCKS", with_prior(text2image(KANDINSKY22), KANDINSKY22, KANDINSKY22_PRIOR)
)
"""Blocks of text to image, prior and decoder in one, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks(
    "IMAGE2IMAGE_BLOCKS", with_prior(image2image(KANDINSKY22), KANDINSKY22, KANDINSKY22_PRIOR)
)
"""Blocks of image to image, prior and decoder in one, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks(
    "INPAINT_BLOCKS", with_prior(inpainting(KANDINSKY22), KANDINSKY22, KANDINSKY22_PRIOR)
)
"""Blocks of inpainting by a UNet that reads latents alone, prior and decoder in one, by name."""

DIFFERENTIAL_BLOCKS: Blocks = SharedBlocks(
    "DIFFERENTIAL_BLOCKS", with_prior(differential(KANDINSKY22), KANDINSKY22, KANDINSKY22_PRIOR)
)
"""Blocks of image to image in which a map says how much each place may change, prior and decoder in one, by name."""

NAMES: dict[str, str] = {
    "kandinsky22.prior": "PRIOR_BLOCKS",
    "kandinsky22.decoder": "DECODER_BLOCKS",
    "kandinsky22.decoder.image2image": "DECODER_IMAGE2IMAGE_BLOCKS",
    "kandinsky22.decoder.controlnet": "DECODER_CONTROL_BLOCKS",
    "kandinsky22.decoder.controlnet.image2image": "DECODER_CONTROL_IMAGE2IMAGE_BLOCKS",
    "kandinsky22.decoder.inpainting": "DECODER_INPAINT_BLOCKS",
    "kandinsky22.masked_inpainting": "MASKED_INPAINT_BLOCKS",
    "kandinsky22.text2image": "TEXT2IMAGE_BLOCKS",
    "kandinsky22.image2image": "IMAGE2IMAGE_BLOCKS",
    "kandinsky22.inpainting": "INPAINT_BLOCKS",
    "kandinsky22.differential": "DIFFERENTIAL_BLOCKS",
    "kandinsky22.auto": "Kandinsky22AutoBlocks",
    "KandinskyV22PriorPipeline": "PRIOR_BLOCKS",
    "KandinskyV22ControlnetPipeline": "DECODER_CONTROL_BLOCKS",
    "KandinskyV22ControlnetImg2ImgPipeline": "DECODER_CONTROL_IMAGE2IMAGE_BLOCKS",
    "KandinskyV22InpaintPipeline": "DECODER_INPAINT_BLOCKS",
    "KandinskyV22InpaintCombinedPipeline": "MASKED_INPAINT_BLOCKS",
    "KandinskyV22Pipeline": "DECODER_BLOCKS",
    "KandinskyV22Img2ImgPipeline": "DECODER_IMAGE2IMAGE_BLOCKS",
    "KandinskyV22CombinedPipeline": "TEXT2IMAGE_BLOCKS",
    "KandinskyV22Img2ImgCombinedPipeline": "IMAGE2IMAGE_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUTO_BLOCKS",
    "DECODER_BLOCKS",
    "DECODER_CONTROL_BLOCKS",
    "DECODER_CONTROL_IMAGE2IMAGE_BLOCKS",
    "DECODER_IMAGE2IMAGE_BLOCKS",
    "DECODER_INPAINT_BLOCKS",
    "DIFFERENTIAL_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "KANDINSKY22",
    "KANDINSKY22_HINT",
    "KANDINSKY22_MASKED",
    "KANDINSKY22_PRIOR",
    "MASKED_INPAINT_BLOCKS",
    "NAMES",
    "PRIOR_BLOCKS",
    "TEXT2IMAGE_BLOCKS",
    "Kandinsky22AutoBlocks",
]
