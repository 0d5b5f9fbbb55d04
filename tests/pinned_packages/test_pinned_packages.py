"""Packages that were written against an API stay as they were written; their own tests, which lie beside them, run with all others."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from brickwork.state.packages.api_version import API_VERSION, OLDEST_API

HERE = Path(__file__).parent
WRITTEN = {"api_1": "3565eb3f9219023aff8abbaeef6f0a77d3c913613aa75fe16eced2e0c8b6c180"}
"""SHA-256 of the files of each. A package is never edited so that it passes: either its API still runs, or it goes with its API."""


def digest_of(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            found.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()


@pytest.mark.parametrize("name", WRITTEN)
def test_a_pinned_package_is_as_it_was_written(name: str) -> None:
    assert digest_of(HERE / name) == WRITTEN[name]


def test_every_api_that_still_runs_has_a_pinned_package() -> None:
    there = {path.name for path in HERE.glob("api_*")}
    assert there == set(WRITTEN) == {f"api_{number}" for number in range(OLDEST_API, API_VERSION + 1)}
