"""The canary of all attempts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from canary import Canary, watched


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Canary]:
    """A tree, a port, a terminal and a mark that nothing may touch."""
    yield from watched(tmp_path, monkeypatch)
