"""Gives the page files as a person does."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def give(page: Any, selector: str, way: str, path: Path) -> None:
    """Drop or paste a file somewhere."""
    kind = "image/png" if path.suffix == ".png" else "text/plain"
    script = """([target, way, name, kind, bytes]) => {
        const carried = new DataTransfer();
        carried.items.add(new File([new Uint8Array(bytes)], name, {type: kind}));
        const event = way === "drop" ? new DragEvent("drop", {dataTransfer: carried, bubbles: true, cancelable: true})
            : new ClipboardEvent("paste", {clipboardData: carried, bubbles: true, cancelable: true});
        document.querySelector(target).dispatchEvent(event);
    }"""
    page.evaluate(script, [selector, way, path.name, kind, list(path.read_bytes())])
