"""Results of a run as files: images with their recipe in them, videos and sounds as files that are played, other values as safetensors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...pipeline.recipes.recipe_files import save
from ...state.value_file import save_values
from ..shared.result_files import Medium, write_media


def write_outputs(
    results: Mapping[str, Any],
    folder: Path,
    media: Mapping[str, Medium] | None = None,
    rates: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Write results into a folder, and return what each file is of: `name`, `index`, `sha256`, and the name of the `file`.

    Args:
        media: results that are videos and sounds. rates: how much of them a second has, by the name of the value that says it.

    Raises:
        RunError: a value cannot be written to a file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for number, (name, value) in enumerate(results.items()):
        medium = (media or {}).get(name)
        rate = None if medium is None else (rates or {}).get(str(medium.rate))
        if medium is not None and rate is not None and (ending := _ending(medium, value)) is not None:
            files: Sequence[Path] = [folder / f"{number}-{index}{ending}" for index in range(len(value))]
            write_media(medium, value, rate, files)
        elif _are_images(value):
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


def _ending(medium: Medium, value: Any) -> str | None:
    """Return how the names of a result's files end; None where its numbers are wanted, as of `output_type="np"`."""
    if medium.kind == "sound":
        return ".wav"
    if not (isinstance(value, list) and value and all(_are_images(each) for each in value)):
        return None
    # An MP4 file has colours for two by two pixels, and so takes even sides alone.
    return ".gif" if any(side % 2 for side in value[0][0].size) else ".mp4"


def _are_images(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(hasattr(each, "getbbox") for each in value)
