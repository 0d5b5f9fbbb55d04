"""Events of a run as data for JSON."""

from __future__ import annotations

from typing import Any

from ...engine import events as of_run


def event_data(event: of_run.Event) -> dict[str, Any] | None:  # noqa: PLR0911 - one line per kind of event
    """Return an event as data for JSON; None for one that says nothing to who watches from outside."""
    match event:
        case of_run.RunStarted():
            return {"event": "started", "paths": list(event.paths)}
        case of_run.BlockFinished():
            return {"event": "block", "path": event.path, "seconds": short(event.seconds), "bytes": event.bytes}
        case of_run.StepFinished():
            return {
                "event": "step", "path": event.path, "index": event.index, "total": event.total, "seconds": short(event.seconds),
            }  # fmt: skip
        case of_run.CacheHit():
            return {"event": "cache", "path": event.path, "kind": event.kind, "seconds": short(event.seconds)}
        case of_run.ComponentLoaded():
            return {"event": "component", "name": event.name, "action": "loaded", "seconds": short(event.seconds)}
        case of_run.ComponentMoved():
            return {"event": "component", "name": event.name, "action": "moved", "bytes": event.bytes}
        case of_run.ComponentFreed():
            return {"event": "component", "name": event.name, "action": "freed"}
        case of_run.RunWarning():
            return {"event": "warning", "path": event.path, "text": event.text}
    return None


def short(seconds: float) -> float:
    """Return seconds with as many digits as mean something."""
    return round(seconds, 4)
