"""Mistakes with images, masks and numbers."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from mistake import Mistake
from PIL import Image

from brickwork import InputError, load_image

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8))
NUMBERS = np.asarray(PICTURE)
MASK = Image.new("L", (32, 32), 255)
BLACK = Image.new("L", (32, 32))
CALL: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 2, "strength": 0.9, "output": "images"}


def given(pipe: Any, **inputs: Any) -> Any:
    """Call with these inputs, and what every call needs."""
    return pipe(**{**CALL, **inputs})


def call(name: str, *says: str, at: str = "auto", **inputs: Any) -> Mistake:
    """A call that is refused with these words."""
    return Mistake(name, at, partial(given, **inputs), InputError, says)


def loaded(name: str, source: Any, *says: str) -> Mistake:
    """A source that `load_image` refuses."""
    return Mistake(name, "folder", lambda _: load_image(source), InputError, says)


MISTAKES = [
    call(
        "an array of 0..255 as floats", "image holds numbers from 0 to 255", "divide", image=NUMBERS.astype(np.float32)
    ),
    call("an array in -1..1", "(x + 1) / 2", image=NUMBERS / 127.5 - 1),
    call("a tensor in -1..1", "(x + 1) / 2", image=torch.full((1, 3, 32, 32), -1.0)),
    call("a tensor with NaN", "image holds numbers from nan", image=torch.full((1, 3, 32, 32), torch.nan)),
    call("an array of infinities", "inf", image=np.full((32, 32, 3), np.inf)),
    call("whole numbers above 255", "whole numbers from 256 to 256", "0..255", image=np.full((32, 32, 3), 256)),
    call("whole numbers below 0", "whole numbers from -1 to -1", image=np.full((32, 32, 3), -1)),
    call("an array of two channels", "image has the shape [32, 32, 2]", image=np.zeros((32, 32, 2))),
    call("an array of one dimension", "image has the shape [32]", image=np.zeros(32)),
    call("an empty array", "image has the shape [0, 32, 3]", image=np.zeros((0, 32, 3))),
    call("an image of no pixels", "image is 0x4 pixels", image=Image.new("RGB", (0, 4))),
    call("a video", "image has the shape [1, 2, 3, 32, 32]", image=torch.zeros(1, 2, 3, 32, 32)),
    call("an image of one pixel", "image is 1x1 pixels", "8x8", image=PICTURE.resize((1, 1))),
    call("an icon", "image is 7x7 pixels", "give height= and width=", image=PICTURE.resize((7, 7))),
    call("a small array", "image is 4x4 pixels", image=NUMBERS[:4, :4] / 255.0),
    call("no list of images", "image is empty", image=[]),
    call("a number as an image", "image", image=7),
    call("a mask of 0..255 as floats", "mask_image holds numbers", image=PICTURE, mask_image=NUMBERS[..., 0] * 1.0),
    call(
        "a mask with NaN", "mask_image holds numbers", image=PICTURE, mask_image=torch.full((1, 1, 32, 32), torch.nan)
    ),
    call("a mask of two channels", "mask_image has the shape", image=PICTURE, mask_image=np.zeros((1, 32, 32, 2))),
    call("a mask and no image", "image", mask_image=MASK),
    call(
        "a margin around nothing",
        "mask_image is black everywhere",
        "padding_mask_crop",
        image=PICTURE,
        mask_image=BLACK,
        padding_mask_crop=4,
    ),
    call(
        "a margin in an array of floats",
        "padding_mask_crop works on PIL images",
        "and image is another kind",
        image=NUMBERS / 255.0,
        mask_image=MASK,
        padding_mask_crop=4,
    ),
    call(
        "a margin around several masks",
        "mask_image is another kind",
        image=PICTURE,
        mask_image=[MASK, MASK],
        padding_mask_crop=4,
    ),
    call(
        "a control image of 0..255 as floats", "control_image holds numbers", control_image=NUMBERS * 1.0, strength=None
    ),
    call("a control image of a pixel", "control_image is 1x1", control_image=PICTURE.resize((1, 1)), strength=None),
    call("a control image that is text", "control_image", control_image="edges.png", strength=None),
    loaded("an array in -1..1 to load", NUMBERS / 127.5 - 1, "in 0..1"),
    loaded("whole numbers above 255 to load", np.full((8, 8, 3), 256), "in 0..255"),
    loaded("an array of complex numbers to load", np.zeros((8, 8, 3), complex), "complex128"),
    loaded("an empty array to load", np.zeros((0, 8, 3)), "no image"),
]
