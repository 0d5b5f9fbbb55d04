"""What is said where the path of a file of weights leads nowhere: it looks like a name on the Hub (owner/name), and is none."""

from __future__ import annotations

import os
from pathlib import Path

from ...state.errors import did_you_mean

WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf")
"""Endings of files of weights, readable here or not."""


def missing_file(name: str | Path) -> str | None:
    """Say that a file of weights is not there, with the nearest one in its folder; None for any other text."""
    path = Path(name)
    if path.suffix.lower() not in WEIGHTS or os.path.exists(path):  # noqa: PTH110 - any text, also longer than names may be
        return None
    if not os.path.isdir(path.parent):  # noqa: PTH112 - as above
        return f"There is no file {path}: there is no folder {path.parent}."
    return f"There is no file {path}. {did_you_mean(path.name, weights_in(path.parent))}"


def weights_in(folder: Path) -> list[str]:
    """Return the names of files of weights that lie in a folder itself."""
    names = os.listdir(folder) if os.path.isdir(folder) else []  # noqa: PTH112, PTH208 - as above
    return sorted(name for name in names if Path(name).suffix.lower() in WEIGHTS)
