"""Images and masks as other tools send them."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image
from served import Served

from brickwork.app.server.errors import RefusedError
from brickwork.app.server.sent_images import decoded, kept_mask


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def pixels(mode: str, *values: Any) -> bytes:
    image = Image.new(mode, (len(values), 1))
    for place, value in enumerate(values):
        image.putpixel((place, 0), value)
    return encoded(image)


@pytest.mark.parametrize("head", ["", "data:image/png;base64,"])
def test_base64_has_a_head_or_none(head: str) -> None:
    assert decoded(head + base64.b64encode(b"\x00,").decode(), "mask") == b"\x00,"


@pytest.mark.parametrize("text", ["/etc/passwd.", "https://example.org/a.png", "data:,%", "é", "YQ"])
def test_other_texts_are_no_images(text: str) -> None:
    with pytest.raises(
        RefusedError, match="mask is a text, and no image in base64; addresses and paths are none either."
    ):
        decoded(text, "mask")


@pytest.mark.parametrize(
    ("content", "edits_transparent", "is_inverted", "wanted"),
    [
        (pixels("RGBA", (9, 9, 9, 0), (0, 0, 0, 100), (9, 9, 9, 255)), True, False, [255, 155, 0]),
        (pixels("RGBA", (9, 9, 9, 0), (9, 9, 9, 100), (9, 9, 9, 255)), False, False, [0, 100, 255]),
        (pixels("RGBA", (255, 255, 255, 255), (0, 0, 0, 255)), False, False, [255, 0]),
        (pixels("L", 255, 0), False, False, [255, 0]),
        (pixels("L", 255, 0), False, True, [0, 255]),
        (pixels("RGB", (255, 255, 255), (0, 0, 0)), False, True, [0, 255]),
        (pixels("I;16", 65535, 0, 32896), False, False, [255, 0, 128]),
    ],
    ids=[
        "transparent is edited",
        "opaque is edited",
        "white is, where all is opaque",
        "white",
        "inverted",
        "colours",
        "16 bits",
    ],
)
def test_white_is_what_is_drawn_anew(
    served: Served, content: bytes, edits_transparent: bool, is_inverted: bool, wanted: list[int]
) -> None:
    given = kept_mask(served.service, content, edits_transparent, is_inverted)
    mask = served.service.files.value(given["$file"])
    assert (mask.mode, [mask.getpixel((place, 0)) for place in range(mask.width)]) == ("L", wanted)


@pytest.mark.parametrize("content", [pixels("RGBA", (9, 9, 9, 255)), pixels("RGB", (9, 9, 9))])
def test_a_mask_in_which_nothing_is_transparent_is_refused_where_that_is_what_counts(
    served: Served, content: bytes
) -> None:
    with pytest.raises(RefusedError, match="mask has no transparent pixel; what is transparent in it is drawn anew."):
        kept_mask(served.service, content, edits_transparent=True)
