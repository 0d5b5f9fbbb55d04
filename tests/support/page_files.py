"""Gives the page files as a person does, and keeps its images for the docs."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

from PIL import Image

IMAGES = Path(__file__).parents[2] / "docs" / "images"
NAMES = ("create", "sweep", "details", "mask", "compose", "phone")
WRITES = "BRICKWORK_SCREENSHOTS" in os.environ


def give(page: Any, selector: str, way: str, path: Path) -> None:
    """Drop or paste a file somewhere."""
    kind = "image/png" if path.suffix == ".png" else "text/plain"
    script = """([target, way, name, kind, bytes]) => {
        const carried = new DataTransfer();
        carried.items.add(new File([new Uint8Array(bytes)], name, {type: kind}));
        const dragged = (name) => new DragEvent(name, {dataTransfer: carried, bubbles: true, cancelable: true});
        const events = way === "drop" ? [dragged("dragover"), dragged("drop")]
            : [new ClipboardEvent("paste", {clipboardData: carried, bubbles: true, cancelable: true})];
        for (const event of events) document.querySelector(target).dispatchEvent(event);
    }"""
    page.evaluate(script, [selector, way, path.name, kind, list(path.read_bytes())])


def keep(page: Any, name: str) -> None:
    """Write an image for the docs, if that is asked for."""
    assert name in NAMES
    if WRITES:
        page.wait_for_timeout(400)
        with Image.open(io.BytesIO(page.screenshot())) as shot:
            # Two hundred colours are enough for a page, and a quarter of the bytes.
            shot.convert("RGB").quantize(200).save(IMAGES / f"page-{name}.png", optimize=True)
