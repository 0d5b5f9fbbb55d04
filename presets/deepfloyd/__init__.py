"""DeepFloyd IF (Stability AI 2023, https://github.com/deep-floyd/IF): small images of a text, and two stages that make them larger."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.stable_diffusion import SD_UPSCALE
from ...families.unets.deepfloyd import DEEPFLOYD, DEEPFLOYD_LARGE
from ..tasks import Blocks, image2image, inpainting, text2image, upscaling
from ..tasks_of_stages import enlarging, with_small_stage, with_stages
from .auto import AUTO_BLOCKS, DeepFloydAutoBlocks

TEXT2IMAGE_BLOCKS: Blocks = SharedBlocks("TEXT2IMAGE_BLOCKS", text2image(DEEPFLOYD))
"""Blocks of text to image of the first stage, 64 pixels, by name."""

IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("IMAGE2IMAGE_BLOCKS", image2image(DEEPFLOYD))
"""Blocks of image to image of the first stage, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpainting(DEEPFLOYD))
"""Blocks that draw what a mask shows anew, and keep the pixels of the rest, by name."""

ENLARGE_BLOCKS: Blocks = SharedBlocks("ENLARGE_BLOCKS", enlarging(DEEPFLOYD_LARGE))
"""Blocks of the second stage, which makes an image larger as a text says, by name."""

TWO_STAGE_BLOCKS: Blocks = SharedBlocks("TWO_STAGE_BLOCKS", with_small_stage(DEEPFLOYD_LARGE, DEEPFLOYD))
"""Blocks of both stages in one, by name: images of 256 pixels."""

THREE_STAGE_BLOCKS: Blocks = SharedBlocks(
    "THREE_STAGE_BLOCKS", with_stages(upscaling(SD_UPSCALE), DEEPFLOYD_LARGE, DEEPFLOYD)
)
"""Blocks of both stages and the x4 upscaler of Stable Diffusion 2 in one, by name: images of 1024 pixels."""

NAMES: dict[str, str] = {
    "deepfloyd.text2image": "TEXT2IMAGE_BLOCKS",
    "deepfloyd.image2image": "IMAGE2IMAGE_BLOCKS",
    "deepfloyd.inpainting": "INPAINT_BLOCKS",
    "deepfloyd.enlarge": "ENLARGE_BLOCKS",
    "deepfloyd.two_stages": "TWO_STAGE_BLOCKS",
    "deepfloyd.three_stages": "THREE_STAGE_BLOCKS",
    "deepfloyd.auto": "DeepFloydAutoBlocks",
    "IFPipeline": "TEXT2IMAGE_BLOCKS",
    "IFImg2ImgPipeline": "IMAGE2IMAGE_BLOCKS",
    "IFSuperResolutionPipeline": "ENLARGE_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUTO_BLOCKS",
    "DEEPFLOYD",
    "DEEPFLOYD_LARGE",
    "ENLARGE_BLOCKS",
    "IMAGE2IMAGE_BLOCKS",
    "INPAINT_BLOCKS",
    "NAMES",
    "TEXT2IMAGE_BLOCKS",
    "THREE_STAGE_BLOCKS",
    "TWO_STAGE_BLOCKS",
    "DeepFloydAutoBlocks",
]
