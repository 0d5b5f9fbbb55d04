"""What a save would replace that no save of ours has written: refused in words, before anything is changed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..registry.hub.repo_files import CLASSIC_INDEX, MODEL_CONFIG, MODULAR_INDEX, OURS
from ..registry.hub.repo_paths import relative_name
from ..state import RepoError
from ..state.strict_json import read_json
from .model_card import CARD

_MOST_NAMED = 5
_ELSEWHERE = "Save to another folder; or delete this one first, if you want none of it."
_ANY_CLASS = "ModularPipeline"
"""What the index of a pipeline says whose family has no class of diffusers."""


def refuse_file(folder: Path) -> None:
    """Refuse a path that is a file.

    Raises:
        RepoError: it is one.
    """
    if os.path.isfile(folder):  # noqa: PTH113 - any text, also longer than names may be
        raise RepoError(f"{folder} is a file, and a save makes a folder of several. Give the name of a folder.")


def refuse_foreign(folder: Path, class_name: str | None = None) -> None:
    """Refuse a folder that is something else than an earlier save of the same kind; a save that was interrupted has been finished.

    Args:
        class_name: as the index of a saved pipeline says it; None of blocks alone, which leave the index as it is.

    Raises:
        RepoError: it is another pipeline, a model, or the Hub's cache.
    """
    what = _kind_of(folder, class_name)
    if what is not None:
        raise RepoError(f"{folder} is {what}, and a save would replace files of it. {_ELSEWHERE}")


def refuse_replacing(folder: Path, stage: Path) -> None:
    """Refuse to replace files that are of no earlier save; a card that a person has written is kept, and no fault.

    Args:
        stage: the folder with all files that are about to be moved.

    Raises:
        RepoError: there are such files.
    """
    if os.path.isfile(folder / OURS):  # noqa: PTH113 - as above
        return
    names = [relative_name(stage, path) for path in sorted(stage.rglob("*")) if path.is_file()]
    # Links are refused where files are moved: they lead out of the folder.
    there = [name for name in names if name != CARD and (folder / name).is_file() and not _is_linked(folder, name)]
    if there:
        more = f" and {len(there) - _MOST_NAMED:,} more" if len(there) > _MOST_NAMED else ""
        raise RepoError(
            f"{folder} holds files that no save of brickwork has written, and that this one would replace: "
            f"{', '.join(there[:_MOST_NAMED])}{more}. {_ELSEWHERE}"
        )


def _is_linked(folder: Path, name: str) -> bool:
    path = folder / name
    return any(each.is_symlink() for each in (path, *path.parents) if each != folder and folder in each.parents)


def _kind_of(folder: Path, class_name: str | None) -> str | None:
    """Say what a folder is that is none of ours, or of another pipeline; None for everything else."""
    where = folder.resolve()
    if any(each.name.startswith("models--") and (each / "snapshots").is_dir() for each in (where, *where.parents)):
        return "in the Hub's cache"
    modular = _class_of(folder / MODULAR_INDEX)
    if (folder / OURS).is_file():
        is_other = modular is not None and class_name is not None and modular != class_name
        return (
            f"a save of another pipeline ({modular})" if is_other and _ANY_CLASS not in (modular, class_name) else None
        )
    classic = _class_of(folder / CLASSIC_INDEX)
    if classic is not None:
        return f"a pipeline of diffusers ({classic})"
    if modular is not None:
        return f"a modular pipeline of diffusers ({modular})"
    model = _class_of(folder / MODEL_CONFIG)
    return None if model is None else f"the folder of a model ({model})"


def _class_of(path: Path) -> str | None:
    """Return the class that a JSON file names; None where there is no file, or it names none."""
    if not path.is_file():
        return None
    try:
        content: Mapping[str, Any] = read_json(path)
    except RepoError:
        return None
    named = (
        content.get("_class_name") or next(iter(content.get("architectures") or ()), None) or content.get("model_type")
    )
    return named if isinstance(named, str) else None
