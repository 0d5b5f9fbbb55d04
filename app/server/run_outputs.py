"""Results of a run as files: images with their recipe in them, other values as safetensors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...pipeline.recipes.recipe_files import save
from ...state.value_file import save_values


def write_outputs(results: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Write results into a folder, and return what each file is of: `name`, `index`, `sha256`, and the name of the `file`.

    Raises:
        RunError: a value cannot be written to a file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for number, (name, value) in enumerate(results.items()):
        if _are_images(value):
            # By number: a name of a value may be longer than those of files.
            files = save(value, folder / f"{number}-{{}}.png")
        else:
            files = [folder / f"{number}-0.safetensors"]
            save_values(files[0], {name: value}, {})
        found += [
            {"name": name, "index": index, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "file": path.name}
            for index, path in enumerate(files)
        ]
    return found


def _are_images(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(hasattr(each, "getbbox") for each in value)
