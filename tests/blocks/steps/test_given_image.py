"""One image in every form that people have it in is one image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.image_processor import VaeImageProcessor
from PIL import Image

from brickwork import InputError, ModularPipeline
from brickwork.blocks.steps.given_image import as_pil, given_image, is_latents
from brickwork.presets.sdxl import AutoBlocks

NUMBERS = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
IMAGE = Image.fromarray(NUMBERS)
GREY = IMAGE.convert("L")
SQUARE = np.zeros((32, 32), np.uint8)
SQUARE[8:24, 8:24] = 255
MASK = Image.fromarray(SQUARE)


def first(numbers: np.ndarray) -> torch.Tensor:
    """Numbers as a tensor with the channels first."""
    return torch.from_numpy(np.ascontiguousarray(numbers)).movedim(-1, -3)


def turned() -> Image.Image:
    """The image on its side, with a note that says so."""
    made = IMAGE.transpose(Image.Transpose.ROTATE_90)
    made.getexif()[0x0112] = 6
    return made


def with_hole() -> Image.Image:
    """The image, and nothing in its upper half."""
    made = IMAGE.convert("RGBA")
    made.paste((1, 2, 3, 0), (0, 0, 32, 16))
    return made


def white_above() -> Image.Image:
    """The image with white in its upper half."""
    made = IMAGE.copy()
    made.paste("white", (0, 0, 32, 16))
    return made


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (IMAGE.convert("RGBA"), IMAGE),
        (with_hole(), white_above()),
        (np.asarray(with_hole()), white_above()),
        (GREY, GREY.convert("RGB")),
        (GREY.convert("LA"), GREY.convert("RGB")),
        (IMAGE.convert("P"), IMAGE.convert("P").convert("RGB")),
        (MASK.convert("1"), MASK.convert("RGB")),
        (IMAGE.convert("CMYK"), IMAGE.convert("CMYK").convert("RGB")),
        (Image.fromarray(np.asarray(GREY).astype(np.uint16) * 257), GREY.convert("RGB")),
        (Image.fromarray(np.asarray(GREY).astype(np.int32) * 257), GREY.convert("RGB")),
        (Image.fromarray(np.asarray(GREY).astype(np.float32) / 255), GREY.convert("RGB")),
        (turned(), IMAGE),
        (NUMBERS, IMAGE),
        (NUMBERS[None], IMAGE),
        (NUMBERS.transpose(2, 0, 1), IMAGE),
        (NUMBERS.astype(np.int64), IMAGE),
        (NUMBERS.astype(np.uint16) * 257, IMAGE),
        (NUMBERS[..., 0], Image.fromarray(NUMBERS[..., 0]).convert("RGB")),
        (SQUARE > 0, MASK.convert("RGB")),
        (torch.from_numpy(NUMBERS), IMAGE),
        (first(NUMBERS), IMAGE),
        (first(NUMBERS)[None], IMAGE),
        (NUMBERS / 255.0, IMAGE),
        ((NUMBERS / 255.0).astype(np.float16), IMAGE),
        (first(NUMBERS) / 255, IMAGE),
        (torch.from_numpy(NUMBERS) / 255, IMAGE),
        (np.dstack([NUMBERS / 255.0, np.ones((32, 32))]), IMAGE),
    ],
)
def test_every_form_of_an_image_is_that_image(given: Any, meant: Image.Image) -> None:
    assert as_pil(given, "image").tobytes() == meant.tobytes()


@pytest.mark.parametrize("purpose", ["image", "control"])
def test_what_the_processor_has_always_understood_passes_unchanged(purpose: Any) -> None:
    tensor, array = torch.rand(2, 3, 8, 8), np.random.default_rng(1).random((2, 8, 8, 3))
    assert given_image(IMAGE, "image", purpose) is IMAGE
    assert given_image([IMAGE, IMAGE], "image", purpose) == [IMAGE, IMAGE]
    assert torch.equal(given_image(tensor, "image", purpose), tensor)
    assert np.array_equal(given_image(array, "image", purpose), array)


@pytest.mark.parametrize(
    "given",
    [
        MASK,
        MASK.convert("RGB"),
        Image.merge("RGBA", [MASK] * 4),
        Image.merge("RGBA", [Image.new("L", (32, 32), 255)] * 3 + [MASK]),
        Image.merge("LA", [Image.new("L", (32, 32), 255), MASK]),
        SQUARE,
        SQUARE > 0,
        SQUARE[..., None],
        SQUARE[None],
        SQUARE / 255.0,
        (SQUARE / 255.0).astype(np.float16),
        np.dstack([SQUARE / 255.0] * 3),
        np.dstack([np.ones((32, 32, 3)), SQUARE / 255.0]),
        torch.from_numpy(SQUARE),
        torch.from_numpy(SQUARE)[None, None],
        torch.from_numpy(SQUARE > 0)[None],
        torch.from_numpy(SQUARE / 255.0)[None, None],
    ],
)
def test_every_form_of_a_mask_is_that_mask(given: Any) -> None:
    processor = VaeImageProcessor(do_normalize=False, do_binarize=True, do_convert_grayscale=True)
    made = processor.preprocess(given_image(given, "mask_image", "mask"), 32, 32)
    assert torch.equal(made.float(), torch.from_numpy(SQUARE / 255.0)[None, None].float())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (torch.rand(1, 4, 8, 8), True),
        (torch.rand(1, 16, 8, 8), True),
        (torch.rand(1, 3, 8, 8), False),
        (torch.zeros(1, 4, 8, 8, dtype=torch.uint8), False),
        (np.zeros((1, 8, 8, 4)), False),
        (IMAGE.convert("CMYK"), False),
    ],
)
def test_latents_are_tensors_of_floating_point_numbers(given: Any, expected: bool) -> None:
    assert is_latents(given) is expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("a.png", "image is a str, which is no image"),
        (
            NUMBERS.astype(np.float32),
            "image holds numbers from 0 to 255. Floating-point numbers of an image are in 0..1",
        ),
        (NUMBERS / 127.5 - 1, r"those in -1..1 are \(x \+ 1\) / 2"),
        (torch.full((1, 3, 8, 8), torch.nan), "from nan to nan"),
        (NUMBERS.astype(np.int64) * 2, "whole numbers from 0 to"),
        (np.zeros((8, 8, 2)), r"image has the shape \[8, 8, 2\]"),
        (np.zeros((0, 8, 3)), "which no image has"),
        (np.zeros((8, 8, 3), complex), "numbers"),
        (Image.new("RGB", (0, 4)), "image is 0x4 pixels"),
        ([IMAGE, NUMBERS / 255.0], "image mixes PIL images and arrays"),
        ([np.zeros((8, 8, 3)), np.zeros((4, 8, 3))], "different shapes"),
    ],
)
def test_what_is_no_image_is_said(given: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        given_image(given, "image")


def test_a_control_image_may_say_with_minus_one_where_nothing_is_known() -> None:
    given = torch.full((1, 3, 8, 8), -1.0)
    assert torch.equal(given_image(given, "control_image", "control"), given)


@pytest.fixture
def draw(tiny_folder: Any, tiny_pipe: ModularPipeline) -> Callable[..., Any]:
    """Draw with all tasks."""
    pipe = AutoBlocks().init_pipeline(str(tiny_folder))
    pipe.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    pipe.configure(progress=False)
    call = {"prompt": "a cat", "num_inference_steps": 3, "strength": 0.7, "output": "images", "output_type": "np"}
    return lambda **given: pipe(**{**call, "generator": torch.Generator().manual_seed(0), **given})


def test_whole_numbers_draw_what_their_image_draws(draw: Callable[..., Any]) -> None:
    right = draw(image=IMAGE)
    assert np.array_equal(draw(image=NUMBERS), right)
    assert np.array_equal(draw(image=first(NUMBERS)), right)
    size = {"height": 32, "width": 32}
    right = draw(image=IMAGE, mask_image=MASK, **size)
    assert np.array_equal(draw(image=IMAGE.convert("RGBA"), mask_image=SQUARE > 0, **size), right)
    blurred = draw(image=IMAGE, mask_image=MASK, mask_blur=2, **size)
    assert not np.array_equal(blurred, right)
    assert np.array_equal(
        draw(image=IMAGE, mask_image=torch.from_numpy(SQUARE)[None, None], mask_blur=2, **size), blurred
    )


def test_a_mask_with_a_margin_gets_the_size_of_its_image(draw: Callable[..., Any]) -> None:
    given = {"image": IMAGE, "height": 16, "width": 16, "padding_mask_crop": 2, "output_type": "pil"}
    small = MASK.resize((16, 16))
    (made,) = draw(mask_image=small, **given)
    (right,) = draw(mask_image=small.resize((32, 32)), **given)
    assert made.size == IMAGE.size
    assert made.tobytes() == right.tobytes()


def test_a_mask_that_is_black_everywhere_is_warned_of(draw: Callable[..., Any]) -> None:
    given = {"image": IMAGE, "mask_image": Image.new("L", (32, 32)), "height": 32, "width": 32}
    with pytest.raises(UserWarning, match="mask_image is black everywhere"):  # warnings are errors here
        draw(**given)
