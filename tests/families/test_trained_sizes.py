"""Sizes that transformers were trained with are those of the classic pipelines."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from diffusers.pipelines.hunyuandit.pipeline_hunyuandit import map_to_standard_shapes

from brickwork import CompositionError, InputError
from brickwork.presets.hunyuan_dit import HUNYUAN_DIT
from brickwork.presets.pixart import IMAGE2IMAGE_BLOCKS, PIXART_SIGMA, TEXT2IMAGE_BLOCKS
from brickwork.presets.sana import SANA
from brickwork.presets.sd3 import SD3
from brickwork.presets.tasks import with_trained_sizes


def of(sample_size: int) -> Any:
    return SimpleNamespace(config=SimpleNamespace(sample_size=sample_size))


@pytest.mark.parametrize(
    ("family", "sample", "asked", "size"),
    [
        (PIXART_SIGMA, 128, (1024, 1024), (1024, 1024)),
        (PIXART_SIGMA, 128, (700, 1400), (704, 1408)),
        (PIXART_SIGMA, 256, (1000, 1000), (2048, 2048)),
        (SANA, 16, (300, 900), (288, 864)),
        (SANA, 128, (50, 50), (4096, 4096)),
    ],
)
def test_the_size_of_the_nearest_ratio_is_taken(family: Any, sample: int, asked: Any, size: Any) -> None:
    assert family.trained_size(of(sample), *asked) == size


def test_hunyuan_dit_takes_the_nearest_ratio_and_then_the_nearest_area() -> None:
    assert HUNYUAN_DIT.trained_size(of(128), 1280, 1280) == (1280, 1280)
    width, height = map_to_standard_shapes(1000, 700)
    assert HUNYUAN_DIT.trained_size(of(128), 700, 1000) == (height, width)
    assert height < width


def test_a_transformer_of_another_size_is_refused() -> None:
    with pytest.raises(
        InputError, match="trained with images of 64x64, and sizes of other ratios are known for squares of 256"
    ):
        PIXART_SIGMA.trained_size(of(8), 64, 64)


def test_blocks_that_take_no_trained_size_are_refused() -> None:
    with pytest.raises(CompositionError, match="stable-diffusion-3 names no sizes that it was trained with"):
        with_trained_sizes(TEXT2IMAGE_BLOCKS, SD3)
    with pytest.raises(CompositionError, match="is for text to image: the other tasks take their size from the image"):
        with_trained_sizes(IMAGE2IMAGE_BLOCKS, PIXART_SIGMA)


def test_images_are_brought_to_what_was_asked_for_where_the_classic_does() -> None:
    assert "DecodeAsAsked" in with_trained_sizes(TEXT2IMAGE_BLOCKS, PIXART_SIGMA)["decode"].__name__
