"""The images of docs/gallery.md are made again by their recipes."""

from __future__ import annotations

import importlib
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image
from rooms import ROOT

import brickwork

GALLERY = ROOT / "docs" / "images" / "gallery"
IMAGES = sorted(GALLERY.glob("*.png"))
OFTEN = ("half_cat", "warm")
"""With inputs in the file, and with a block that is given."""


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    """The script that draws them."""
    sys.path.insert(0, str(ROOT / "docs" / "site"))
    try:
        yield importlib.import_module("draw_gallery")
    finally:
        sys.path.remove(str(ROOT / "docs" / "site"))


def test_the_page_shows_every_image_and_the_script_draws_each(script: ModuleType) -> None:
    page = (ROOT / "docs" / "gallery.md").read_text()
    shown = set(re.findall(r'src="images/gallery/(\w+)\.png"', page))
    assert shown == {path.stem for path in IMAGES} == set(script.DRAWN)


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.stem)
def test_an_image_is_made_again(path: Path, script: ModuleType, request: pytest.FixtureRequest) -> None:
    """By code that may have changed since, and on a CPU that may round otherwise."""
    if path.stem not in OFTEN and not request.config.getoption("--long"):
        pytest.skip("--long")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # they say what is not as it was
        again = brickwork.replay(path, blocks=[script.Warm], exact=False, progress=False)
    kept = np.asarray(Image.open(path), dtype=float)
    assert np.abs(kept - np.asarray(again, dtype=float)).mean() < 2.0, "run docs/site/draw_gallery.py, and look at it"
