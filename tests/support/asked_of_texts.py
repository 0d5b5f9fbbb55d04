"""What families are asked whose text comes from language models: two prompts, negative ones of other lengths, small images."""

from __future__ import annotations

from typing import Any

from coarse_images import band_map, half_mask, picture
from family_table import Task

SIDE = 32
ASKED: dict[str, Any] = {
    "prompt": ["a red circle", "two cat on the blue square of green"],
    "negative_prompt": ["a photo of a green square on the circle", "blue"],
    "num_inference_steps": 4,
    "guidance_scale": 4.0,
    "height": SIDE,
    "width": SIDE,
}
OF_IMAGE = {"image": picture(3, SIDE), "num_inference_steps": 7, "strength": 0.63}
OF_MASK = {**OF_IMAGE, "mask_image": half_mask(SIDE)}


def free_tasks(presets: Any, **more: Any) -> dict[str, Task]:
    """The tasks that no pipeline of diffusers has, of a module of presets; more is asked besides."""
    of_map = {"image": picture(3, SIDE), "change_map": band_map(0, 0.3, 0.7, 1, size=SIDE)}
    return {
        "image2image": Task(presets.IMAGE2IMAGE_BLOCKS, None, {**ASKED, **more, **OF_IMAGE}),
        "inpainting": Task(presets.INPAINT_BLOCKS, None, {**ASKED, **more, **OF_MASK}),
        "differential": Task(presets.DIFFERENTIAL_BLOCKS, None, {**ASKED, **more, **of_map}),
    }
