"""A mistake that somebody makes, and how it is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen


@frozen
class Mistake:
    """A row of the tables in tests/mistakes.

    Attributes:
        name: in a few words. at: what it is made with: "embedded" or "tiny" (a pipeline), "auto" (tiny, all tasks), "folder" (an
            empty one). make: does it. error: its class, exactly. says: parts of its message.
    """

    name: str
    at: str
    make: Callable[[Any], Any]
    error: type[Exception]
    says: tuple[str, ...]
