"""Errors as answers: in words for what was asked wrongly, and by an identifier for what nobody outside is to know."""

from __future__ import annotations

import logging
import secrets
import traceback
from collections.abc import Mapping
from typing import Any

from attrs import define, field

from ...engine.execution.out_of_memory import is_out_of_memory
from ...engine.serving.work_queue import QueueClosedError, QueueFullError, TooLargeError
from ...state.errors import BrickworkError, CompositionError, DeclarationError, InputError, RunError
from ..shared.words_for_people import for_people

_logger = logging.getLogger("brickwork.server")
SAID = (InputError, CompositionError, DeclarationError, RunError, QueueFullError, QueueClosedError)
"""Errors whose words are for who asks; those of files and components name folders of this machine."""


class BodyError(BrickworkError):
    """The body of a request is no JSON object."""


@define
class RefusedError(Exception):
    """A request is answered by an error.

    Attributes:
        status: of HTTP. kind: the error's name. faults: each with the input that it is about, or None.
    """

    status: int
    kind: str
    message: str
    faults: tuple[Mapping[str, Any], ...] = ()
    headers: Mapping[str, str] = field(factory=dict)
    more: Mapping[str, Any] = field(factory=dict)


class LimitError(Exception):
    """A request is over a limit, to which those see that let requests in.

    Attributes:
        answer: to it.
    """

    def __init__(self, answer: RefusedError) -> None:
        super().__init__(answer.message)
        self.answer = answer


def refused(error: BaseException, logs_details: bool = False) -> RefusedError:
    """Return the answer to an error."""
    if isinstance(error, RefusedError):
        return error
    kind, text = type(error).__name__, for_people(str(error))
    if isinstance(error, QueueFullError):
        return RefusedError(429, kind, text, headers={"Retry-After": f"{error.seconds:.0f}"})
    status = next((status for cls, status in _STATUS.items() if isinstance(error, cls)), None)
    if status is None:
        return RefusedError(500, **described_unknown(error, logs_details))
    faults = tuple(faults_of(error)) if status == 422 else ()
    return RefusedError(status, kind, text, faults, _RETRY if status == 503 else {})


_STATUS: Mapping[type[BaseException], int] = {
    BodyError: 400,
    QueueClosedError: 503,
    TooLargeError: 413,
    **dict.fromkeys(SAID, 422),
}
_RETRY = {"Retry-After": "5"}


def faults_of(error: BaseException) -> list[dict[str, Any]]:
    """Return the faults of an error, each with the name of the input that it is about, where that is known."""
    if isinstance(error, RefusedError):
        return [dict(each) for each in error.faults or ({"input": None, "text": error.message},)]
    faults = getattr(error, "faults", ()) or [str(error)]
    return [{"input": getattr(fault, "input", None), "text": for_people(str(fault))} for fault in faults]


def failure_data(error: BaseException, logs_details: bool = False) -> dict[str, Any]:
    """Return what is said of a run that has failed."""
    if isinstance(error, SAID):
        return {"type": type(error).__name__, "message": for_people(str(error)), "faults": faults_of(error)}
    if isinstance(error, RefusedError):
        return {"type": error.kind, "message": error.message, "faults": list(error.faults)}
    if is_out_of_memory(error):
        text = "Memory ran out. A smaller image, fewer images at once, or a later time may do."
        return {"type": "OutOfMemoryError", "message": text, "faults": []}
    found = described_unknown(error, logs_details)
    return {"type": found["kind"], "message": found["message"], "faults": []}


def described_unknown(error: BaseException, logs_details: bool) -> dict[str, Any]:
    """Log an error that nobody outside is told, and return what they are told."""
    identifier = secrets.token_hex(6)
    # Without its words, which may hold a prompt: the place in the code says what there is to find.
    where = "".join(traceback.format_tb(error.__traceback__))
    words = f": {error}" if logs_details or isinstance(error, BrickworkError) else ""
    _logger.error("Error %s: %s%s\n%s", identifier, type(error).__name__, words, where)
    return {"kind": "ServerError", "message": f"Something went wrong in the server; its log has it as {identifier}."}
