"""Names of compositions and model families. Entries are import paths, so the catalog needs none of the rooms above it."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from ..state import CompositionError
from ..state.errors import did_you_mean


class Catalog:
    """Names to objects, imported when they are asked for."""

    def __init__(self, entries: dict[str, str]) -> None:
        self._entries = dict(entries)

    def register(self, name: str, target: str) -> None:
        """Add an entry: `target` is "module:attribute".

        Raises:
            CompositionError: the name is taken by something else.
        """
        known = self._entries.setdefault(name, target)
        if known != target:
            raise CompositionError(f"The name {name!r} is taken by {known}; {target} needs another.")

    def get(self, name: str) -> Any:
        """Return the object of a name.

        Raises:
            CompositionError: the name is unknown.
        """
        if name not in self._entries:
            raise CompositionError(f"Nothing is named {name!r}. {did_you_mean(name, self._entries)}")
        module, _, attribute = self._entries[name].partition(":")
        return getattr(importlib.import_module(module), attribute)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def __iter__(self) -> Any:
        return iter(sorted(self._entries))


catalog = Catalog(
    {
        "sdxl.text2image": "brickwork.presets.sdxl:TEXT2IMAGE_BLOCKS",
        "sdxl.image2image": "brickwork.presets.sdxl:IMAGE2IMAGE_BLOCKS",
        "sdxl.inpainting": "brickwork.presets.sdxl:INPAINT_BLOCKS",
        "sdxl.auto": "brickwork.presets.sdxl:AutoBlocks",
        "StableDiffusionXLPipeline": "brickwork.presets.sdxl:TEXT2IMAGE_BLOCKS",
        "StableDiffusionXLModularPipeline": "brickwork.presets.sdxl:TEXT2IMAGE_BLOCKS",
    }
)
"""Compositions by name, and by the class names that repositories write."""

shipped = Catalog(
    {
        "brickwork/embedded": "brickwork.presets.embedded:FOLDER",
        "brickwork/ip_adapter": "brickwork.presets.embedded:IP_ADAPTER",
        "brickwork/layout_controlnet": "brickwork.presets.embedded:LAYOUT_CONTROLNET",
    }
)
"""Folders of models that come with this package, by the names under which recipes know them."""


def shipped_name(folder: str | Path) -> str | None:
    """The short name ("embedded") of a folder that comes with this package; None for any other."""
    path = Path(folder)
    if not path.is_absolute():
        return None
    found = next((name for name in shipped if path.resolve() == Path(shipped.get(name)).resolve()), None)
    return None if found is None else found.partition("/")[2]


def shipped_folder(name: str) -> str | None:
    """The folder that comes with this package under a short name; None if there is none."""
    whole = f"brickwork/{name}"
    return str(shipped.get(whole)) if whole in shipped else None


families = Catalog({"stable-diffusion-xl": "brickwork.presets.sdxl:SDXL"})
"""Contracts of model families, by the `model_name` of their blocks."""
