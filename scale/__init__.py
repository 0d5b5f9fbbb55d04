"""More than one worker: a set of rows through one workflow, on processes of this machine or on Ray, and one run over several processes."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .job import Job as Job
    from .line_of_stages import StageLine as StageLine
    from .line_of_stages import stage_line as stage_line
    from .mapping import Report as Report
    from .mapping import map as map  # noqa: A004 - always behind the room's name
    from .mapping import stream as stream
    from .measured_requests import request_profile as request_profile
    from .measured_stages import stage_profile as stage_profile
    from .outcome import Outcome as Outcome
    from .row_sharing import RowSharing as RowSharing
    from .row_sharing import share_rows as share_rows
    from .rows import Row as Row
    from .simulation import Forecast as Forecast
    from .simulation import Layout as Layout
    from .simulation import RequestProfile as RequestProfile
    from .simulation import simulate as simulate

_HOME = {
    "Forecast": "simulation",
    "Job": "job",
    "Layout": "simulation",
    "Outcome": "outcome",
    "Report": "mapping",
    "RequestProfile": "simulation",
    "Row": "rows",
    "RowSharing": "row_sharing",
    "map": "mapping",
    "StageLine": "line_of_stages",
    "request_profile": "measured_requests",
    "share_rows": "row_sharing",
    "simulate": "simulation",
    "stage_line": "line_of_stages",
    "stage_profile": "measured_stages",
    "stream": "mapping",
}

__all__ = [
    "Forecast",
    "Job",
    "Layout",
    "Outcome",
    "Report",
    "RequestProfile",
    "Row",
    "RowSharing",
    "StageLine",
    "map",
    "request_profile",
    "share_rows",
    "simulate",
    "stage_line",
    "stage_profile",
    "stream",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'brickwork.scale' has no attribute {name!r}; it has {', '.join(__all__)}.")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return list(__all__)
