"""Images for people."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from ...state import InputError

LINE_HEIGHT = 13
LABEL_LINES = 2


def make_image_grid(
    images: Sequence[Image.Image],
    rows: int,
    cols: int,
    resize: int | None = None,
    labels: Sequence[str] | None = None,
) -> Image.Image:
    """Put images into a grid, row by row; the largest says how large a place is.

    Args:
        resize: side in pixels that every image is brought to; small images stay crisp.
        labels: text under each image, in up to two lines.

    Raises:
        InputError: the numbers do not fit.
    """
    if len(images) != rows * cols:
        raise InputError(f"{len(images)} images do not fill {rows} rows of {cols}.")
    if labels is not None and len(labels) != len(images):
        raise InputError(f"{len(labels)} labels were given for {len(images)} images.")
    if resize is not None:
        images = [image.resize((resize, resize), Image.Resampling.LANCZOS) for image in images]
    width, height = (max(sides) for sides in zip(*(image.size for image in images), strict=True))
    cell = height + (LINE_HEIGHT * LABEL_LINES + 4 if labels else 0)
    grid = Image.new("RGB", (cols * width, rows * cell), "white")
    pen = ImageDraw.Draw(grid)
    for position, image in enumerate(images):
        x, y = position % cols * width, position // cols * cell
        grid.paste(image, (x, y))
        if labels is not None:
            pen.multiline_text((x + 3, y + height), _fitted(pen, labels[position], width - 6), fill="black", spacing=1)
    return grid


def _fitted(pen: ImageDraw.ImageDraw, text: str, width: int) -> str:
    """Break a label into lines of a width in pixels; what does not fit is cut."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if pen.textlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) > LABEL_LINES:
        lines = [*lines[: LABEL_LINES - 1], lines[LABEL_LINES - 1] + "..."]
    return "\n".join(lines)
