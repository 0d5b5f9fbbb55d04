"""Several files of a folder changed at once: all of them, or none, also if the process is killed in between.

New files are written to a hidden folder beside the old ones. Then a list of what is to be moved where is put in place, by one
rename: from here on the change counts. The next save finishes the moves of a list that is still there, if the user's own folder
(`home()`) holds the same list. Who reads never moves, writes or deletes anything: `interruption` says in words what was found.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from attrs import frozen
from filelock import FileLock, Timeout

from ...state import RepoError
from ...state.atomic import write_text
from ...state.home import home
from ...state.strict_json import read_json
from .repo_paths import name_fault, relative_name, twins
from .verified import text_digest

LIST = ".brickwork-moves.json"
_STAGE = re.compile(r"\.brickwork-new-[0-9a-z_]{1,40}")
_LOCK = ".brickwork-lock"
_LARGEST = 4_000_000
"""Bytes of a list of moves."""


@frozen
class _Moves:
    """Files that are to be moved from the hidden folder `stage` to their places, and older ones that are then `stale`."""

    stage: str
    files: tuple[str, ...]
    stale: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path) -> _Moves:
        """Read a list.

        Raises:
            RepoError: it is a link, broken, or names places outside of its folder.
        """
        if path.is_symlink():
            raise RepoError(f"{path} is a link")
        data = read_json(path, _LARGEST)
        stage, names, stale = data.get("from"), data.get("files"), data.get("stale", [])
        if not isinstance(stage, str) or not isinstance(names, list) or not isinstance(stale, list):
            raise RepoError(f"{path} is broken")
        faults = [repr(name)[:80] for name in [*names, *stale] if not isinstance(name, str) or name_fault(name)]
        if faults or not _STAGE.fullmatch(stage):
            raise RepoError(f"{path} names places outside of its folder ({(faults or [repr(stage)[:80]])[0]})")
        return cls(stage, tuple(names), tuple(stale))

    def write(self, path: Path) -> None:
        write_text(path, json.dumps({"from": self.stage, "files": list(self.files), "stale": list(self.stale)}))


@contextlib.contextmanager
def folder_update(
    folder: Path, last: tuple[str, ...] = (), stale: Callable[[Path, set[str]], Iterable[str]] | None = None
) -> Iterator[Path]:
    """Yield a folder to write to; in the end its files take their places in `folder`, if nothing was raised.

    Args:
        last: names of files that are moved when all others are. stale: takes the new files' folder and the names of those that there
            are, and says which of these go when all are moved, because they are of an older save.

    Raises:
        RepoError: another process is writing there, a save that is none of this user's was interrupted there, or a place in it
            is a link, or a folder where a file is saved, or a file where a folder is needed. OSError: as from the file system; the old files are as they were.
    """
    with _made(folder), _locked(folder) as root:
        _finish(root)
        moves = _Moves(f".brickwork-new-{secrets.token_hex(8)}", ())
        _note(root, moves)
        stage = root / moves.stage
        stage.mkdir()
        try:
            yield stage
            _commit(root, stage, last, tuple(stale(stage, _kept_files(root)) if stale is not None else ()))
        finally:
            if not os.path.lexists(root / LIST):
                _forget(root, moves.stage)


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder with those above it, and take away again those that are empty where what is done with it is refused."""
    new = [each for each in (folder, *folder.parents) if not os.path.lexists(each)]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):  # one that holds something by now
            for each in new:
                each.rmdir()
        raise


def finish_save(folder: str | Path) -> bool:
    """Finish a save to a folder that was interrupted; return whether there was one.

    Raises:
        RepoError: it was begun by another user, on another machine, or with another `BRICKWORK_HOME`.
    """
    if not os.path.lexists(Path(folder) / LIST):
        return False
    with _locked(Path(folder)) as root:
        _finish(root)
    return True


def interruption(folder: Path) -> str | None:
    """Say in words which save was interrupted in a folder, and what to do; None if none was. Nothing is changed."""
    path = folder / LIST
    if not os.path.lexists(path):
        return None
    delete = f"Opening changes nothing. If it came with the folder, delete {LIST} and what is named .brickwork-new-*."
    try:
        moves = _Moves.read(path)
    except RepoError as error:
        return f"{folder} says that a save to it was interrupted, and that is none of ours: {error}. {delete}"
    pending = [name for name in moves.files if name in _files_in(folder / moves.stage)]
    moved = [name for name in moves.files if name not in pending]
    states = (
        f"{len(moved)} of {len(moves.files)} files are new{_some(moved)}, {len(pending)} are as before{_some(pending)}"
    )
    if _noted(folder.resolve()) == moves:
        advice = f"Save to it again, or call brickwork.registry.finish_save({str(folder)!r}): both finish it first."
        return f"A save to {folder} was not finished, or goes on just now: {states}. Opening changes nothing. {advice}"
    return (
        f"A save to {folder} was not finished: {states}. It was begun by another user, on another machine or with another "
        f"BRICKWORK_HOME, where finish_save(folder) finishes it. {delete}"
    )


def _some(names: Iterable[str]) -> str:
    shown = list(names)
    return f" ({', '.join(shown[:3])}{', ...' if len(shown) > 3 else ''})" if shown else ""


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[Path]:
    """Be the only one that writes to a folder; yields where it really is."""
    root = folder.resolve()
    if (root / _LOCK).is_symlink():
        raise RepoError(f"{root / _LOCK} is a link; a save to {folder} does not write through links. Delete it.")
    try:
        with FileLock(root / _LOCK, timeout=30):
            try:
                yield root
            finally:
                with contextlib.suppress(OSError):
                    (root / _LOCK).unlink()
    except Timeout:
        raise RepoError(f"Another process is writing to {folder}.") from None


def _kept_files(root: Path) -> set[str]:
    """Names of the files that a folder has, without those of saves."""
    return {name for name in _files_in(root) if not name.startswith(".brickwork-")}


def _commit(root: Path, stage: Path, last: tuple[str, ...], stale: tuple[str, ...]) -> None:
    names = sorted(_files_in(stage))
    for name in names:
        with (stage / name).open("rb+") as file:
            os.fsync(file.fileno())
    ordered = [*(name for name in names if name not in last), *(name for name in last if name in names)]
    faults = [*(f"{name!r}: {fault}." for name in names if (fault := name_fault(name))), *twins(names)]
    if faults:
        raise RepoError.of(f"The save to {root} has names that not every system takes", faults)
    _refuse_links(root, [*ordered, *stale])
    _refuse_occupied(root, ordered)
    moves = _Moves(stage.name, tuple(ordered), stale)
    _note(root, moves)
    moves.write(stage / LIST)
    (stage / LIST).replace(root / LIST)
    _finish(root)


def _refuse_links(root: Path, names: Iterable[str]) -> None:
    """Refuse to write through links; said before the change counts."""
    faults = []
    for name in names:
        parts = name.split("/")
        links = [place for n in range(len(parts)) if (place := root.joinpath(*parts[: n + 1])).is_symlink()]
        faults += [f"{place} is a link to {place.readlink()}; delete it, or save elsewhere." for place in links[:1]]
    if faults:
        raise RepoError.of(f"A save to {root} does not write through links", list(dict.fromkeys(faults)))


def _refuse_occupied(root: Path, names: Iterable[str]) -> None:
    """Refuse names of which only some could be moved, so that the save would stay interrupted; said before the change counts."""
    faults = []
    for name in names:
        *folders, _ = name.split("/")
        above = [root.joinpath(*folders[: n + 1]) for n in range(len(folders))]
        faults += [f"{place} is a file, and a folder of this name is needed." for place in above if place.is_file()]
        if (root / name).is_dir():
            faults.append(f"{root / name} is a folder, and a file of this name is saved.")
    if faults:
        raise RepoError.of(
            f"Delete what is in the way of the save to {root}, or save elsewhere", list(dict.fromkeys(faults))
        )


def _finish(root: Path) -> None:
    """Finish what this user's killed process had decided to do, or clear away what it had not."""
    noted = _noted(root)
    if not os.path.lexists(root / LIST):
        if noted is not None:
            _forget(root, noted.stage)
        return
    if noted is None or noted != _listed(root):
        raise RepoError(str(interruption(root)))
    _refuse_links(root, [*noted.files, *noted.stale, *(f"{noted.stage}/{name}" for name in noted.files)])
    for name in noted.files:
        _move(root, noted.stage, name)
    for name in noted.stale:
        _remove(root, name)
    (root / LIST).unlink(missing_ok=True)
    _forget(root, noted.stage)


def _move(root: Path, stage: str, name: str) -> None:
    """Move a file from the hidden folder to its place, unless it was moved before."""
    *folders, file = name.split("/")
    if not os.path.lexists(root / stage / name):
        return
    if os.rename not in os.supports_dir_fd:  # Windows: nothing there keeps links from being made between look and move
        _refuse_links(root, [f"{stage}/{name}", name])
        root.joinpath(*folders).mkdir(parents=True, exist_ok=True)
        (root / stage / name).replace(root / name)
        return
    with _opened(root, [stage, *folders]) as source, _opened(root, folders) as target:
        if not stat.S_ISREG(os.stat(file, dir_fd=source, follow_symlinks=False).st_mode):
            raise RepoError(f"{root / stage / name} is no plain file any more; it is not moved.")
        os.replace(file, file, src_dir_fd=source, dst_dir_fd=target)  # a link at its place is replaced, not followed


def _remove(root: Path, name: str) -> None:
    """Remove a file of an older save, and its folder if that is empty then."""
    *folders, file = name.split("/")
    if not (root.joinpath(*folders) / file).is_file():
        return
    if os.unlink not in os.supports_dir_fd:
        _refuse_links(root, [name])
        (root / name).unlink(missing_ok=True)
    else:
        with _opened(root, folders) as place, contextlib.suppress(FileNotFoundError):
            os.unlink(file, dir_fd=place)
    if folders:
        with contextlib.suppress(OSError):  # other files are in it
            root.joinpath(*folders).rmdir()


@contextlib.contextmanager
def _opened(root: Path, folders: Iterable[str]) -> Iterator[int]:
    """Open a folder within another step by step, without following links, and make what is not there.

    What is done relative to it is done there, even if somebody puts a link in its place meanwhile.
    """
    held = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in folders:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, dir_fd=held)
            try:
                inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=held)
            except OSError as error:
                raise RepoError(
                    f"{part} in {root} is a link, or no folder; nothing is written there: {error}."
                ) from None
            os.close(held)
            held = inner
        yield held
    finally:
        os.close(held)


def _files_in(folder: Path) -> set[str]:
    """Names of the plain files in a folder; links are neither followed nor named."""
    if folder.is_symlink():
        return set()
    found = (Path(place) / name for place, _, names in os.walk(folder) for name in names)
    return {relative_name(folder, path) for path in found if stat.S_ISREG(path.lstat().st_mode)}


def _record(root: Path) -> Path:
    """Where the user's own folder says which save to a folder was begun."""
    return home() / "saves" / f"{text_digest(str(root).encode())[:32]}.json"


def _noted(root: Path) -> _Moves | None:
    """What the user's own folder says of a save; None if it says nothing that can be read."""
    return _read(_record(root))


def _listed(root: Path) -> _Moves | None:
    return _read(root / LIST)


def _read(path: Path) -> _Moves | None:
    try:
        return _Moves.read(path) if path.is_file() else None
    except RepoError:
        return None


def _note(root: Path, moves: _Moves) -> None:
    path = _record(root)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        moves.write(path)
    except (OSError, RepoError) as error:
        raise RepoError(
            f"A save notes in {path.parent} what it is about to do, and that cannot be written: {error}. Set BRICKWORK_HOME to a "
            "folder that can."
        ) from error


def _forget(root: Path, stage: str) -> None:
    shutil.rmtree(root / stage, ignore_errors=True)  # of a link it refuses to remove anything
    record = _record(root)
    for left in record.parent.glob(f".{record.name}.*"):  # half written when a process was killed
        left.unlink(missing_ok=True)
    record.unlink(missing_ok=True)
