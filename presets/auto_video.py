"""Text to video of a family in one composition with what else its network does: video to video, or videos that begin with an image."""

from __future__ import annotations

from typing import Any

from ..blocks.core.binding import written_class
from ..families.contract import FamilyContract
from .auto import AutoTask, auto
from .tasks import Blocks
from .tasks_of_video import image_first2video, text2video, video2video, with_schedule_of_latents

WORKFLOWS: dict[str, tuple[str, ...]] = {"text2video": (), "video2video": ("video",)}
"""What `auto_video` does, by the inputs that ask for it."""

IMAGE_WORKFLOWS: dict[str, tuple[str, ...]] = {"text2video": (), "image2video": ("image",)}
"""What `auto_image_video` does."""

_DOCS = {
    "AutoResolveSize": "Take the size before an image is encoded, where one is given.",
    "AutoImageEncoder": "Encode the video or image, where one is given.",
    "AutoFirstFrame": "Begin with the image, where one is given.",
    "AutoSeenImage": "See the image, where one is given.",
    "AutoDenoise": "Denoise the frames, or those after the image.",
    "AutoSetTimesteps": "Choose the timesteps of the task.",
    "AutoPrepareLatents": "Prepare the latents of the task.",
}


def auto_video(family: FamilyContract, namespace: dict[str, Any], beginning: Blocks | None = None) -> Blocks:
    """Return the blocks of both tasks in one, by name: a video asks for video to video.

    Args:
        namespace: the `globals()` of the module whose classes the choices are; see `auto`.
        beginning: blocks of videos that begin with an image, by the same network, which an image asks for. What they have in common with text
            to video is that of the family.
    """
    text = text2video(family)
    tasks = [AutoTask("video2video", "Video", video2video(family), "video"), AutoTask("text2video", "Text", text)]
    if beginning is not None:
        shared = {name: each for name, each in text.items() if _is_one(each, beginning.get(name))}
        tasks.insert(0, AutoTask("image2video", "Image", {**beginning, **shared}, "image"))
    return auto(tasks, _DOCS, namespace, prefix=family.prefix)


def auto_image_video(family: FamilyContract, namespace: dict[str, Any]) -> Blocks:
    """Return the blocks of text to video and of videos that begin with an image in one, by name, of families whose schedule reads the latents.

    Args:
        namespace: as of `auto_video`.
    """
    image, text = (with_schedule_of_latents(task(family), family) for task in (image_first2video, text2video))
    tasks = [AutoTask("image2video", "Image", image, "image"), AutoTask("text2video", "Text", text)]
    return auto(tasks, _DOCS, namespace, prefix=family.prefix)


def _is_one(block: Any, other: Any) -> bool:
    """Return whether two classes are one block, bound to two families."""
    return other is not None and written_class(block) is written_class(other)
