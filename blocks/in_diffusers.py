"""The name under which files that were saved with version 0.1.0 import what diffusers runs our blocks with."""

from typing import Any

from .core.late import late

__all__ = ["blocks_for_diffusers"]  # noqa: F822 - made when it is asked for


def __getattr__(name: str) -> Any:
    """Look a name up where it is now."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return late(name)
