"""Pictures for people."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from ..state import InputError

LABEL_HEIGHT = 14


def make_image_grid(
    images: Sequence[Image.Image],
    rows: int,
    cols: int,
    resize: int | None = None,
    labels: Sequence[str] | None = None,
) -> Image.Image:
    """Put pictures of one size into a grid, row by row.

    Args:
        resize: side in pixels that every picture is brought to; small pictures stay crisp.
        labels: a line of text under each picture.

    Raises:
        InputError: the numbers do not fit.
    """
    if len(images) != rows * cols:
        raise InputError(f"{len(images)} pictures do not fill {rows} rows of {cols}.")
    if labels is not None and len(labels) != len(images):
        raise InputError(f"{len(labels)} labels were given for {len(images)} pictures.")
    if resize is not None:
        images = [image.resize((resize, resize), Image.Resampling.LANCZOS) for image in images]
    width, height = images[0].size
    cell = height + (LABEL_HEIGHT if labels else 0)
    grid = Image.new("RGB", (cols * width, rows * cell), "white")
    pen = ImageDraw.Draw(grid)
    for position, image in enumerate(images):
        x, y = position % cols * width, position // cols * cell
        grid.paste(image, (x, y))
        if labels is not None:
            pen.text((x + 3, y + height + 1), labels[position], fill="black")
    return grid
