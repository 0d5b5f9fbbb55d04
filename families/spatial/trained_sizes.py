"""Sizes of images that transformers were trained with, as diffusers (0.42.1) lists them beside its classic pipelines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...state import InputError

Sizes = Mapping[str, Sequence[float]]
"""Height and width in pixels, by height divided by width."""


def sizes_of(side: int) -> Sizes | None:
    """Return the sizes of as many pixels as a square of a side has; None of a side that none was trained with."""
    from diffusers.pipelines.pixart_alpha import pipeline_pixart_alpha as alpha
    from diffusers.pipelines.pixart_alpha import pipeline_pixart_sigma as sigma
    from diffusers.pipelines.sana import pipeline_sana as sana

    known: dict[int, Sizes] = {
        256: alpha.ASPECT_RATIO_256_BIN,
        512: alpha.ASPECT_RATIO_512_BIN,
        1024: alpha.ASPECT_RATIO_1024_BIN,
        2048: sigma.ASPECT_RATIO_2048_BIN,
        4096: sana.ASPECT_RATIO_4096_BIN,
    }
    return known.get(side)


def nearest_size(side: int, height: int, width: int) -> tuple[int, int]:
    """Return height and width in pixels of the size whose ratio is nearest to that of another one.

    Args:
        side: of the squares that a transformer was trained with.

    Raises:
        InputError: no sizes of so many pixels are known.
    """
    sizes = sizes_of(side)
    if sizes is None:
        raise InputError(
            f"The transformer was trained with images of {side}x{side}, and sizes of other ratios are known for squares of 256, 512, 1024, 2048 "
            "and 4096. Leave with_trained_sizes out, and give height and width that it knows."
        )
    nearest = min(sizes, key=lambda ratio: abs(float(ratio) - height / width))
    found = sizes[nearest]
    return int(found[0]), int(found[1])
