"""Errors in the form of the interface that is asked: this server's own, OpenAI's, AUTOMATIC1111's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import RefusedError

OPENAI, A1111 = "/v1/", "/sdapi/"
_CODES = {401: "invalid_api_key", 413: "request_too_large", 429: "rate_limit_exceeded"}
_PARAMETERS = {"height": "size", "width": "size"}
"""Inputs that a client of OpenAI's gives by another name."""


def shaped(path: str, error: RefusedError) -> tuple[int, dict[str, Any]]:
    """Return the status and the body of an answer that says an error.

    Args:
        path: that was asked.
    """
    if path.startswith(OPENAI):
        # Their clients know what does not fit as 400.
        return 400 if error.status == 422 else error.status, {"error": _of_openai(error)}
    if path.startswith(A1111):
        return error.status, {"error": error.kind, "detail": error.message, "errors": error.message}
    faults = [dict(fault) for fault in error.faults]
    return error.status, {"error": {"type": error.kind, "message": error.message, "faults": faults, **error.more}}


def _of_openai(error: RefusedError) -> dict[str, Any]:
    kind = "invalid_request_error"
    if error.status == 429:
        kind = "rate_limit_error"
    elif error.status >= 500:
        kind = "server_error"
    code = "model_not_found" if error.kind == "UnknownWorkflowError" else _CODES.get(error.status)
    name = next((fault["input"] for fault in error.faults if fault.get("input")), None)
    return {
        "message": error.message,
        "type": kind,
        "param": _PARAMETERS.get(name, name) if name else None,
        "code": code,
    }


def failed(error: Mapping[str, Any]) -> RefusedError:
    """Return the error of a run that has failed, as the answer to who waited for it."""
    kind = str(error["type"])
    status = {"ServerError": 500, "OutOfMemoryError": 503}.get(kind, 422)
    return RefusedError(status, kind, str(error["message"]), tuple(error["faults"]))
