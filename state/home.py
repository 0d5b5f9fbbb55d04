"""The user's own folder of brickwork: locks, granted sources, what was verified."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """`BRICKWORK_HOME`, else `~/.brickwork`. It may not exist yet."""
    return Path(os.environ.get("BRICKWORK_HOME") or Path.home() / ".brickwork")
