"""The numbers on SECURITY.md are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

from brickwork.blocks.steps.image_reading import FORMATS
from brickwork.state import limits

PAGE = (Path(__file__).parents[1] / "SECURITY.md").read_text()
LIMITS = {name: value for name, value in vars(limits).items() if name.isupper()}


def test_every_limit_stands_on_the_page_with_its_number() -> None:
    told: dict[str, int] = {}
    for what, limit in re.findall(r"^\| (.*`[A-Z_]+`.*) \| (.*) \|$", PAGE, re.MULTILINE):
        numbers = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", limit)]
        told |= dict(zip(re.findall(r"`([A-Z_]+)`", what), numbers, strict=True))
    assert told == LIMITS


def test_the_formats_of_pictures_stand_on_the_page() -> None:
    (line,) = re.findall(r"images are (.*)\.", PAGE)
    assert tuple(re.split(r", | or ", line)) == FORMATS
