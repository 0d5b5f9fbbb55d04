"""What a user holds: the pipeline, its runs, components and settings.

Names are imported when they are first used: the forms of inputs below this package are read where no pipeline is.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .images.previews import Previews as Previews
    from .modular_pipeline import ModularPipeline as ModularPipeline
    from .started_run import RunProgress as RunProgress
    from .started_run import StartedRun as StartedRun

_HOME = {
    "ModularPipeline": "modular_pipeline",
    "Previews": "images.previews",
    "RunProgress": "started_run",
    "StartedRun": "started_run",
}

__all__ = ["ModularPipeline", "Previews", "RunProgress", "StartedRun"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}.")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return list(__all__)
