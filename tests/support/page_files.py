"""Gives the page files as a person does, asks axe-core of it, and keeps its images for the docs."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

IMAGES = Path(__file__).parents[2] / "docs" / "images"
NAMES = ("create", "sweep", "details", "mask", "compose", "phone")
WRITES = "BRICKWORK_SCREENSHOTS" in os.environ
AXE = Path(__file__).parents[1] / "app" / "page" / "vendor" / "axe.min.js"


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


def look(page: Any, name: str) -> None:
    """Write an image for a person who looks at the page, if that is asked for; no page of the docs has it."""
    if WRITES:
        page.wait_for_timeout(400)
        page.screenshot(path=Path(tempfile.gettempdir()) / "brickwork-page" / f"{name}.png")


def grave_faults(page: Any) -> list[str]:
    """Return what axe-core calls serious or critical, with the elements; of an open dialog alone, and in the dark of colours alone."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    options: dict[str, Any] = {"resultTypes": ["violations"], "preload": False, "iframes": False}
    if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches"):
        options["runOnly"] = ["color-contrast"]
    found = page.evaluate("(options) => axe.run(document.querySelector('dialog[open]') || document, options)", options)[
        "violations"
    ]
    return [
        f"{each['id']}: {node['html'][:160]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
