"""Text to video and video to video of a family in one composition."""

from __future__ import annotations

from typing import Any

from ..families.contract import FamilyContract
from .auto import AutoTask, auto
from .tasks import Blocks
from .tasks_of_video import text2video, video2video

WORKFLOWS: dict[str, tuple[str, ...]] = {"text2video": (), "video2video": ("video",)}
"""What `auto_video` does, by the inputs that ask for it."""

_DOCS = {
    "AutoImageEncoder": "Encode the video, where one is given.",
    "AutoSetTimesteps": "Choose the timesteps of the task.",
    "AutoPrepareLatents": "Prepare the latents of the task.",
}


def auto_video(family: FamilyContract, namespace: dict[str, Any]) -> Blocks:
    """Return the blocks of both tasks in one, by name: a video asks for video to video.

    Args:
        namespace: the `globals()` of the module whose classes the choices are; see `auto`.
    """
    tasks = [
        AutoTask("video2video", "Video", video2video(family), "video"),
        AutoTask("text2video", "Text", text2video(family)),
    ]
    return auto(tasks, _DOCS, namespace, prefix=family.prefix)
