"""What is said where the path of a file of weights leads nowhere: it looks like a name on the Hub (owner/name), and is none."""

from __future__ import annotations

import os
from pathlib import Path

from ...state.errors import did_you_mean, nearest

WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf")
"""Endings of files of weights, readable here or not."""
_HOME = "'~' stands for no folder here: give Path({!r}).expanduser()."


def missing_file(name: str | Path) -> str | None:
    """Say that a file of weights is not there, with the nearest one in its folder; None for any other text."""
    path = Path(name)
    if path.suffix.lower() not in WEIGHTS or os.path.exists(path):  # noqa: PTH110 - any text, also longer than names may be
        return None
    if not os.path.isdir(path.parent):  # noqa: PTH112 - as above
        home = f" {_HOME.format(str(path))}" if str(path).startswith("~") else ""
        return f"There is no file {path}: there is no folder {path.parent}.{home}"
    beside = weights_in(path.parent)
    if not beside:
        return f"There is no file {path}, and no other file of weights in {path.parent.absolute()}."
    return f"There is no file {path}. {did_you_mean(path.name, beside)}"


def missing_place(name: str | Path) -> str:
    """Say of what is neither a folder nor a repository's name where it was looked for, and what lies there under a like name."""
    said = f"{str(name)[:300]} is no folder on this machine, and no name of a Hub repository (owner/name)."
    return f"{said} {_where(str(name))}".rstrip()


def _where(name: str) -> str:
    if "://" in name:
        repo = "/".join(name.partition("://")[2].split("/")[1:3])
        on_hub = f", which is {repo!r}" if "huggingface.co/" in name and "/" in repo else ""
        return f"Addresses are not opened: give the path of a file that you have downloaded, or the name on the Hub{on_hub}."
    path = Path(name)
    if name.startswith("~"):
        return _HOME.format(name[:300])
    place = path.parent.absolute()
    if not name or not os.path.isdir(place):  # noqa: PTH112 - any text, also longer than names may be
        return f"There is no folder {place}." if name else ""
    beside = [each for each in os.listdir(place) if not each.startswith(".")]  # noqa: PTH208 - as above
    like = next((each for each in beside if each in [path.name + end for end in WEIGHTS]), nearest(path.name, beside))
    return f"It is not in {place}.{f' Did you mean {like!r}?' if like else ''}"


def weights_in(folder: Path) -> list[str]:
    """Return the names of files of weights that lie in a folder itself."""
    names = os.listdir(folder) if os.path.isdir(folder) else []  # noqa: PTH112, PTH208 - as above
    return sorted(name for name in names if Path(name).suffix.lower() in WEIGHTS)
