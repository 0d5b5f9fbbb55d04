"""Whether memory has room for so many images at once, asked before anything is made for each of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...registry.loading.weights import byte_words
from ...state import Fault, InputError

if TYPE_CHECKING:
    import torch

    from ..run_requests import PipelineRequests

EACH = "num_images_per_prompt"
_PIXEL = 3 * 4
"""Bytes of a pixel in float32, as it is decoded: the least that any run takes for it."""
_GENERATOR = 5056
"""Bytes of the state of torch's generator on the CPU, of which each image has one of its own."""
_SMALLEST_SIDE = 8
_LARGE_SIDE = 4096
"""No model's own size is as large."""


def refuse_too_many_images(pipe: PipelineRequests, images: int, values: Mapping[str, Any]) -> None:
    """Refuse more images than the memory of the device would hold as pixels, if it were empty.

    Args:
        values: of the call, whose sizes count, else the model's own.

    Raises:
        InputError: there are more.
    """
    if images < 2:
        return
    total = memory_of(pipe.device)
    # A model's own size may be what diffusers' pipeline class says, and to import that takes seconds.
    own = values.get("height") is None and values.get("width") is None
    if total is None or (own and images * (_LARGE_SIDE**2 * _PIXEL + _GENERATOR) <= total):
        return
    sides = []
    for name in ("height", "width"):
        side = values.get(name) or getattr(pipe, f"default_{name}", None)
        sides.append(side if isinstance(side, int) else _SMALLEST_SIDE)
    of_image = sides[0] * sides[1] * _PIXEL + _GENERATOR
    if images * of_image <= total:
        return
    named = [name for name in (EACH, "prompt", "batch_size") if values.get(name) not in (None, 1)][:1]
    text = (
        f"{images:,} images of {sides[1]}x{sides[0]} take {byte_words(images * of_image)} as pixels alone, and there are {byte_words(total)} of memory. "
        f"Ask for {max(1, total // of_image):,} at the very most, and for the rest in further runs."
    )
    raise InputError.of("The inputs do not fit", [Fault(text, *named)])


def memory_of(device: torch.device) -> int | None:
    """Return how many bytes of memory a device has in all, that of the host for those that share it; None where that is not known."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # not on every system
        return None
