"""A place that must not be touched: a tree beside the attacker's folder, a port, the terminal, marks that only code makes."""

from __future__ import annotations

import io
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from brickwork import BrickworkError

SECRET = "the content of a file outside"
_watched: list[tuple[str, list[str]]] = []


def _hook(event: str, args: tuple[Any, ...]) -> None:
    """Note what Python opens in a place that is watched."""
    if event == "open" and _watched and isinstance(args[0], str):
        for place, opened in _watched:
            if args[0].startswith(place):
                opened.append(args[0])


sys.addaudithook(_hook)


def tree_of(folder: Path) -> dict[str, tuple[Any, ...]]:
    """All that is in a folder, with times and modes."""
    found = {}
    for path in sorted(folder.rglob("*")):
        stat = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else None
        found[str(path.relative_to(folder))] = (stat.st_mode, stat.st_mtime_ns, stat.st_nlink, content)
    return found


@define
class Canary:
    """What attempts aim at.

    Attributes:
        outside: a folder that nothing may read, write or delete. inside: where the attacker's files are. ran: a file that only code
            would make. port: of a socket that nobody may connect to.
    """

    outside: Path
    inside: Path
    ran: Path
    socket: socket.socket
    opened: list[str] = field(factory=list)

    @property
    def port(self) -> int:
        found: int = self.socket.getsockname()[1]
        return found

    @property
    def code(self) -> str:
        """Source that leaves a mark when it runs."""
        return f"from pathlib import Path\nPath({str(self.ran)!r}).touch()\n"

    def refused(self, act: Callable[[], Any]) -> str:
        """Attempt something, and return what it was refused with."""
        before = tree_of(self.outside)
        self.opened.clear()
        with pytest.raises(BrickworkError) as caught:
            act()
        assert self.opened == []
        assert SECRET not in str(caught.value)
        assert tree_of(self.outside) == before
        return str(caught.value)


def watched(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Canary]:
    """Make the place; when the test is done, nothing has run, connected or asked."""
    monkeypatch.setenv("BRICKWORK_HOME", str(folder / "home"))
    outside, inside = folder / "outside", folder / "inside"
    (outside / "folder").mkdir(parents=True)
    inside.mkdir()
    for name in ("secret.txt", "folder/secret.txt", "config.json"):
        (outside / name).write_text(SECRET)
    terminal = io.StringIO("y\n" * 100)
    monkeypatch.setattr(sys, "stdin", terminal)
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    found = Canary(outside, inside, folder / "ran", listening)
    _watched.append((str(outside), found.opened))
    yield found
    _watched.pop()
    assert not found.ran.exists(), "code ran that was not granted"
    assert terminal.tell() == 0, "something asked on the terminal"
    with pytest.raises(BlockingIOError):
        listening.accept()
    listening.close()


class Bomb:
    """Runs when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> Any:
        return (open, (self.path, "w"))
