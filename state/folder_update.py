"""Several files of a folder changed at once: all of them, or none, also if the process is killed in between.

New files are written to a hidden folder beside the old ones. Then a list of what is to be moved where is put in place, by one
rename: from here on the change counts. Whoever opens the folder next finishes the moves of a list that is still there.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .atomic import write_text
from .errors import RepoError

LIST = ".brickwork-moves.json"
_STAGE = ".brickwork-new-"
_LOCK = ".brickwork-lock"


@contextlib.contextmanager
def folder_update(folder: Path, last: tuple[str, ...] = ()) -> Iterator[Path]:
    """Yield a folder to write to; in the end its files take their places in `folder`, if nothing was raised.

    Args:
        last: names of files that are moved when all others are.

    Raises:
        RepoError: another process is writing there. OSError: as from the file system; the old files are as they were.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(folder / _LOCK, timeout=30)
        with lock:
            finish_update(folder)
            for left in folder.glob(f"{_STAGE}*"):  # of a process that was killed
                shutil.rmtree(left, ignore_errors=True)
            stage = Path(tempfile.mkdtemp(prefix=_STAGE, dir=folder))
            try:
                yield stage
                _commit(folder, stage, last)
            finally:
                if not (folder / LIST).exists():
                    shutil.rmtree(stage, ignore_errors=True)
    except Timeout:
        raise RepoError(f"Another process is writing to {folder}.") from None
    with contextlib.suppress(OSError):
        (folder / _LOCK).unlink()


def _commit(folder: Path, stage: Path, last: tuple[str, ...]) -> None:
    names = sorted(str(path.relative_to(stage)) for path in stage.rglob("*") if path.is_file())
    for name in names:
        with (stage / name).open("rb+") as file:
            os.fsync(file.fileno())
    ordered = [*(name for name in names if name not in last), *(name for name in last if name in names)]
    write_text(folder / LIST, json.dumps({"from": stage.name, "files": ordered}))
    finish_update(folder)


def finish_update(folder: Path) -> None:
    """Finish what a killed process had decided to do; nothing if there is no such thing.

    Raises:
        RepoError: the list of moves is broken, or names places outside of the folder.
    """
    path = folder / LIST
    if not path.is_file():
        return
    stage, names = _read(path)
    for name in names:
        source, target = folder / stage / name, folder / name
        if source.exists():  # else it was moved before
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
    path.unlink(missing_ok=True)
    shutil.rmtree(folder / stage, ignore_errors=True)


def _read(path: Path) -> tuple[str, list[str]]:
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        stage, names = data["from"], data["files"]
        texts = all(isinstance(name, str) for name in [stage, *names])
    except (ValueError, KeyError, TypeError) as error:
        raise RepoError(f"{path} is broken: {error}. Delete it if you do not know it.") from None
    if (
        not texts
        or not stage.startswith(_STAGE)
        or any(".." in Path(n).parts or Path(n).is_absolute() for n in [stage, *names])
    ):
        raise RepoError(f"{path} names places outside of its folder; it is none of ours. Delete it.")
    return stage, names
