"""Names of files in repositories: what may be a name, and that it stays within the repository."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from unicodedata import category, normalize

from ...state import TrustError

_LONGEST, _LONGEST_PART = 1000, 200
_ODD = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe00-\ufe0f\ufffe\uffff\U000e0100-\U000e01ef]")
_UNSEEN_KINDS = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
"""Control and format characters, which change how a name is shown, or are not shown: directions of writing, joiners, zero widths."""
_DEVICES = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|clock\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])\s*(\.|$)", re.IGNORECASE
)
"""What Windows takes for devices, whatever ending follows."""


def checked_name(name: str) -> str:
    """Return a file's name within a repository, with slashes, as it is.

    Raises:
        TrustError: it would lie elsewhere, or cannot be a file's name on every system.
    """
    fault = name_fault(name)
    if fault:
        raise TrustError(f"{name[:80]!r} is no name of a file in a repository: {fault}.")
    return name


def name_fault(name: str) -> str | None:
    """Say what is wrong with a file's name; None if nothing is."""
    parts = name.split("/")
    faults = {
        "names are relative to the repository": not name or name.startswith("/"),
        "it has characters that lead elsewhere, or that some systems do not allow": bool(_ODD.search(name)),
        "it has characters that are not seen, or that turn the direction of writing": _has_unseen(name),
        "it leads out of its folder": any(part in ("", ".", "..") for part in parts),
        "it is too long": len(name) > _LONGEST
        or any(len(part.encode("utf-8", "replace")) > _LONGEST_PART for part in parts),
        "a part begins or ends with a space, or ends with a dot": any(p != p.strip() or p.endswith(".") for p in parts),
        "Windows has a device of this name": any(_DEVICES.match(part) for part in parts),
    }
    return next((words for words, holds in faults.items() if holds), None)


def _has_unseen(name: str) -> bool:
    if name.isascii():
        return False
    return bool(_UNSEEN.search(name)) or any(category(letter) in _UNSEEN_KINDS for letter in name)


def twins(names: Iterable[str]) -> list[str]:
    """Say which names are one and the same on systems that ignore case, or how letters are composed."""
    known: dict[str, str] = {}
    found = []
    for name in names:
        other = known.setdefault(normalize("NFC", name).casefold(), name)
        if other != name:
            found.append(
                f"{other!r} and {name!r} are one name on systems that ignore case or how letters are composed."
            )
    return found


def file_in(folder: Path, name: str) -> Path | None:
    """Return a file of a repository by its name; None if it is not there.

    Links are followed within the folder, and from a snapshot of the Hub's cache to the blobs of the same repository.

    Raises:
        TrustError: the name, or a link, leads elsewhere.
    """
    path = folder / checked_name(name)
    if not path.is_file():
        return None
    check_inside(folder, path)
    return path


def check_inside(folder: Path, path: Path) -> None:
    """Refuse a path that leads out of a repository's folder by links.

    Raises:
        TrustError: it does.
    """
    try:
        real, root = path.resolve(), folder.resolve()
    except (OSError, RuntimeError) as error:  # links in a circle
        raise TrustError(f"{path} is a link that leads nowhere: {error}.") from None
    if real.is_relative_to(root):
        return
    blobs = _blobs_of(root)
    if blobs is not None and real.parent == blobs:
        return
    raise TrustError(f"{path} is a link to {real}, outside of its repository; links may lead to files within it only.")


def _blobs_of(root: Path) -> Path | None:
    """The blobs beside a snapshot of the Hub's cache (`models--owner--name/snapshots/<commit>`)."""
    for folder in (root, *root.parents):
        if folder.parent.name == "snapshots" and folder.parent.parent.name.startswith("models--"):
            return folder.parent.parent / "blobs"
    return None


def relative_name(folder: Path, path: Path) -> str:
    """The name of a file in a repository."""
    return str(PurePosixPath(path.relative_to(folder)))
