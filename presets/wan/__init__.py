"""Wan 2.1 and 2.2 (Wan team 2025, https://arxiv.org/abs/2503.20314)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.video.wan import (
    WAN,
    WAN_2_2,
    WAN_2_2_IMAGE,
    WAN_2_2_IMAGE_LATE,
    WAN_2_2_LATE,
    WAN_2_2_TOKENS,
    WAN_IMAGE,
    WAN_VACE,
)
from ..tasks import Blocks
from ..tasks_of_video import (
    image2video,
    image_first2video,
    inpaint_video,
    steered2video,
    text2video,
    video2video,
    with_second_network,
)
from .auto import AUTO_BLOCKS, WanAutoBlocks, WanImage2VideoAutoBlocks

TEXT2VIDEO_BLOCKS: Blocks = SharedBlocks("TEXT2VIDEO_BLOCKS", text2video(WAN))
"""Blocks of text to video, by name."""

VIDEO2VIDEO_BLOCKS: Blocks = SharedBlocks("VIDEO2VIDEO_BLOCKS", video2video(WAN))
"""Blocks of video to video, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpaint_video(WAN))
"""Blocks of videos that are drawn anew where a mask of each frame is white, by name."""

IMAGE2VIDEO_BLOCKS: Blocks = SharedBlocks("IMAGE2VIDEO_BLOCKS", image2video(WAN_IMAGE))
"""Blocks of videos that begin with an image, and may end with another one, by name."""

TWO_NETWORKS_BLOCKS: Blocks = SharedBlocks(
    "TWO_NETWORKS_BLOCKS", with_second_network(text2video(WAN_2_2), WAN_2_2, WAN_2_2_LATE)
)
"""Blocks of text to video by the two networks of Wan 2.2, by name."""

TWO_NETWORKS_IMAGE2VIDEO_BLOCKS: Blocks = SharedBlocks(
    "TWO_NETWORKS_IMAGE2VIDEO_BLOCKS",
    with_second_network(image2video(WAN_2_2_IMAGE), WAN_2_2_IMAGE, WAN_2_2_IMAGE_LATE),
)
"""Blocks of videos that begin with an image, by the two networks of Wan 2.2, by name."""

TOKEN_TIMES_BLOCKS: Blocks = SharedBlocks("TOKEN_TIMES_BLOCKS", text2video(WAN_2_2_TOKENS))
"""Blocks of text to video by Wan 2.2 TI2V, by name."""

TOKEN_TIMES_IMAGE2VIDEO_BLOCKS: Blocks = SharedBlocks(
    "TOKEN_TIMES_IMAGE2VIDEO_BLOCKS", image_first2video(WAN_2_2_TOKENS)
)
"""Blocks of videos that begin with an image, by Wan 2.2 TI2V, by name."""

TOKEN_TIMES_VIDEO2VIDEO_BLOCKS: Blocks = SharedBlocks("TOKEN_TIMES_VIDEO2VIDEO_BLOCKS", video2video(WAN_2_2_TOKENS))
"""Blocks of video to video by Wan 2.2 TI2V, by name."""

TWO_NETWORKS_VIDEO2VIDEO_BLOCKS: Blocks = SharedBlocks(
    "TWO_NETWORKS_VIDEO2VIDEO_BLOCKS", with_second_network(video2video(WAN_2_2), WAN_2_2, WAN_2_2_LATE)
)
"""Blocks of video to video by the two networks of Wan 2.2, by name."""

VACE_BLOCKS: Blocks = SharedBlocks("VACE_BLOCKS", steered2video(WAN_VACE))
"""Blocks of videos that are steered by a video, a mask and images, by Wan VACE, by name."""

NAMES: dict[str, str] = {
    "wan.text2video": "TEXT2VIDEO_BLOCKS",
    "wan.video2video": "VIDEO2VIDEO_BLOCKS",
    "wan.inpainting": "INPAINT_BLOCKS",
    "wan.image2video": "IMAGE2VIDEO_BLOCKS",
    "wan.two_networks.text2video": "TWO_NETWORKS_BLOCKS",
    "wan.two_networks.image2video": "TWO_NETWORKS_IMAGE2VIDEO_BLOCKS",
    "wan.two_networks.video2video": "TWO_NETWORKS_VIDEO2VIDEO_BLOCKS",
    "wan.token_times.text2video": "TOKEN_TIMES_BLOCKS",
    "wan.token_times.image2video": "TOKEN_TIMES_IMAGE2VIDEO_BLOCKS",
    "wan.token_times.video2video": "TOKEN_TIMES_VIDEO2VIDEO_BLOCKS",
    "wan.vace": "VACE_BLOCKS",
    "WanVACEPipeline": "VACE_BLOCKS",
    "wan.auto": "WanAutoBlocks",
    "WanBlocks": "WanAutoBlocks",
    "WanModularPipeline": "WanAutoBlocks",
    "WanImage2VideoAutoBlocks": "WanImage2VideoAutoBlocks",
    "WanImage2VideoModularPipeline": "WanImage2VideoAutoBlocks",
    "Wan22Blocks": "TWO_NETWORKS_BLOCKS",
    "Wan22ModularPipeline": "TWO_NETWORKS_BLOCKS",
    "Wan22Image2VideoBlocks": "TWO_NETWORKS_IMAGE2VIDEO_BLOCKS",
    "Wan22Image2VideoModularPipeline": "TWO_NETWORKS_IMAGE2VIDEO_BLOCKS",
    "WanPipeline": "TEXT2VIDEO_BLOCKS",
    "WanPipeline/boundary_ratio": "TWO_NETWORKS_BLOCKS",
    "WanPipeline/expand_timesteps": "TOKEN_TIMES_BLOCKS",
    "WanVideoToVideoPipeline": "VIDEO2VIDEO_BLOCKS",
    "WanImageToVideoPipeline": "IMAGE2VIDEO_BLOCKS",
    "WanImageToVideoPipeline/expand_timesteps": "TOKEN_TIMES_IMAGE2VIDEO_BLOCKS",
    "WanImageToVideoPipeline/boundary_ratio": "TWO_NETWORKS_IMAGE2VIDEO_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUTO_BLOCKS",
    "IMAGE2VIDEO_BLOCKS",
    "INPAINT_BLOCKS",
    "NAMES",
    "TEXT2VIDEO_BLOCKS",
    "TOKEN_TIMES_BLOCKS",
    "TOKEN_TIMES_IMAGE2VIDEO_BLOCKS",
    "TOKEN_TIMES_VIDEO2VIDEO_BLOCKS",
    "TWO_NETWORKS_BLOCKS",
    "TWO_NETWORKS_IMAGE2VIDEO_BLOCKS",
    "TWO_NETWORKS_VIDEO2VIDEO_BLOCKS",
    "VACE_BLOCKS",
    "VIDEO2VIDEO_BLOCKS",
    "WAN",
    "WAN_2_2",
    "WAN_2_2_IMAGE",
    "WAN_2_2_IMAGE_LATE",
    "WAN_2_2_LATE",
    "WAN_2_2_TOKENS",
    "WAN_IMAGE",
    "WAN_VACE",
    "WanAutoBlocks",
    "WanImage2VideoAutoBlocks",
]
