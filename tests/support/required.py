"""What a machine may lack: tests skip and say so, or fail where it is required (`BRICKWORK_REQUIRE`, as the gate sets it)."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(what: str, reason: str) -> NoReturn:
    """Skip, or fail where `what` ("browser", "ray") is required."""
    if what in os.environ.get("BRICKWORK_REQUIRE", "").split(","):
        pytest.fail(f"BRICKWORK_REQUIRE has {what!r}, and {reason}")
    pytest.skip(reason)
