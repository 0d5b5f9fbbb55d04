"""A command line in this process, a home of its own, and an image that it has drawn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cli_runner import invoke

from brickwork.presets.embedded import FOLDER
from brickwork.registry import component_spec
from brickwork.registry.hub.lock import NAME as LOCK


@pytest.fixture(scope="session")
def cli_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """BRICKWORK_HOME of all command lines of these tests, so that targets are opened once."""
    place = tmp_path_factory.mktemp("cli-home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BRICKWORK_HOME", str(place))
        yield place


READ: dict[tuple[Any, ...], Any] = {}
"""Components of the model that ships, by what was asked for."""


@contextmanager
def read_once() -> Iterator[None]:
    """Read components of the model that ships from its files once, as long as nothing was put into them.

    Only while a test of the command line runs: others compile them, or write into them.
    """
    load = component_spec.load

    def kept(hint: Any, repo: str, where: dict[str, Any], options: dict[str, Any]) -> Any:
        if not Path(repo).is_relative_to(FOLDER.parent):
            return load(hint, repo, where, options)
        key = (hint, repo, tuple(sorted(where.items())), tuple(sorted((n, str(v)) for n, v in options.items())))
        held = vars(READ[key]) if hasattr(READ.get(key), "__dict__") else {}
        if key not in READ or held.get("peft_config") or "_brickwork_taught" in held:
            READ[key] = load(hint, repo, where, options)
        return READ[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(component_spec, "load", kept)
        yield


@pytest.fixture(autouse=True)
def in_a_folder(cli_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Every test begins in an empty folder; a terminal has 80 columns."""
    monkeypatch.setenv("BRICKWORK_HOME", str(cli_home))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.chdir(tmp_path)
    with read_once():
        yield tmp_path
    # What one test grants, another one would find.
    (cli_home / LOCK).unlink(missing_ok=True)


@pytest.fixture(scope="session")
def apple(cli_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image of two steps from seed 5."""
    path = tmp_path_factory.mktemp("apple") / "apple.png"
    words = ("run", "embedded", "--prompt", "a red apple", "--num-inference-steps", "2", "--seed", "5", "-o", path)
    with read_once():
        result = invoke(*map(str, words))
    assert (result.exit_code, result.stdout) == (0, f"{path}\n")
    return path
