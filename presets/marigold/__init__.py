"""Marigold (Ke et al. 2023, https://arxiv.org/abs/2312.02145): depth, directions of surfaces, and colour and light apart."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...blocks.techniques.estimate import DecodeIntrinsics, DecodeNormals
from ...families.unets.marigold import MARIGOLD
from ..tasks import Blocks
from ..tasks_of_estimates import estimating

DEPTH_BLOCKS: Blocks = SharedBlocks("DEPTH_BLOCKS", estimating(MARIGOLD))
"""Blocks that see how far each place of an image is, by name."""

NORMALS_BLOCKS: Blocks = SharedBlocks("NORMALS_BLOCKS", estimating(MARIGOLD, DecodeNormals))
"""Blocks that see where each surface of an image looks, by name."""

INTRINSICS_BLOCKS: Blocks = SharedBlocks("INTRINSICS_BLOCKS", estimating(MARIGOLD, DecodeIntrinsics))
"""Blocks that see what an image is made of, such as colour and light, by name."""

NAMES: dict[str, str] = {
    "marigold.depth": "DEPTH_BLOCKS",
    "marigold.normals": "NORMALS_BLOCKS",
    "marigold.intrinsics": "INTRINSICS_BLOCKS",
    "MarigoldDepthPipeline": "DEPTH_BLOCKS",
    "MarigoldNormalsPipeline": "NORMALS_BLOCKS",
    "MarigoldIntrinsicsPipeline": "INTRINSICS_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = ["DEPTH_BLOCKS", "INTRINSICS_BLOCKS", "MARIGOLD", "NAMES", "NORMALS_BLOCKS"]
