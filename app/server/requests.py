"""What requests say, read with limits, and answers."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from ...state.strict_json import parse_json
from .error_shapes import shaped
from .errors import BodyError, LimitError, RefusedError, refused
from .service import Service
from .settings import LARGEST_FILE

Handler = Callable[[Request], Awaitable[Response]]
_DEEPEST = 12
FOR_EVER = "private, max-age=31536000, immutable"
"""How long a browser may keep what never changes under its address."""


def service_of(request: Request) -> Service:
    """Return the service that answers."""
    found: Service = request.app.state.service
    return found


def client_of(request: Request) -> str:
    """Return the name of who asks."""
    return str(request.scope.get("state", {}).get("client", ""))


@asynccontextmanager
async def form_of(request: Request, files: int, fields: int) -> AsyncIterator[FormData]:
    """Read a form of at most so many files and fields.

    Raises:
        BodyError: its charset is none, such as `undefined`, which Starlette asks Python for by its name.
    """
    try:
        form = await request.form(max_files=files, max_fields=fields)
    except UnicodeError:
        raise BodyError("The form is no text in the charset that its Content-Type names; forms are in UTF-8.") from None
    try:
        yield form
    finally:
        await form.close()


async def body_of(
    request: Request, known: Mapping[str, tuple[type, ...]], needed: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the JSON object of a request.

    Args:
        known: keys that it may have, with the types of their values; null is as if a key were not there. needed: of them, which must be there.

    Raises:
        RefusedError: it is none, or has other keys or values.
    """
    # How long it may be, those have seen to that let requests in.
    content = await request.body()
    data = parse_json(content or b"{}", "The request", BodyError, LARGEST_FILE, deepest=_DEEPEST)
    try:
        json.dumps(data, allow_nan=False)
    except ValueError:
        raise BodyError(
            "The request has a number that is none (NaN) or has no end (Infinity), which JSON does not know."
        ) from None
    return checked_keys(data, known, needed)


def checked_keys(
    data: Mapping[str, Any], known: Mapping[str, tuple[type, ...]], needed: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return those keys of an object that say something.

    Args:
        known, needed: as of `body_of`.

    Raises:
        RefusedError: it has other keys or values.
    """
    faults = [(name[:60], f"There is no key {name[:60]!r}; {_all_of(known)}") for name in data if name not in known]
    found = {name: value for name, value in data.items() if value is not None}
    for name, kinds in known.items():
        value = found.get(name)
        if value is not None and (not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)):
            faults.append((name, f"{name} is {_kind(value)}; it is {' or '.join(_NAMES[kind] for kind in kinds)}."))
    faults += [(name, f"{name} is missing.") for name in needed if name not in found]
    if faults:
        named = tuple({"input": name, "text": text} for name, text in faults)
        raise RefusedError(422, "RequestError", "\n".join(text for _, text in faults), named)
    return found


def _all_of(names: Collection[str]) -> str:
    return f"there are: {', '.join(names)}." if names else "it takes none."


def _refuse_unknown_queries(request: Request, known: Collection[str]) -> None:
    """Refuse what is not known, or there twice, behind the question mark of an address.

    Raises:
        RefusedError: something is.
    """
    given = [name for name, _ in request.query_params.multi_items()]
    faults = [
        (name[:60], f"There is no parameter {name[:60]!r} in this address; {_all_of(known)}")
        for name in dict.fromkeys(given)
        # That one says who asks.
        if name not in known and name != "token"
    ]
    faults += [(name, f"{name} stands in the address twice.") for name in known if given.count(name) > 1]
    if faults:
        named = tuple({"input": name, "text": text} for name, text in faults)
        raise RefusedError(422, "RequestError", "\n".join(text for _, text in faults), named)


def _kind(value: object) -> str:
    return next(said for kind, said in _NAMES.items() if isinstance(value, kind))


_NAMES: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "an object",
}


def json_answer(data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return data as an answer."""
    return JSONResponse(data, status, dict(headers or {}))


def error_answer(path: str, error: RefusedError) -> Response:
    """Return an error as an answer, in the form of the interface that a path is of."""
    status, data = shaped(path, error)
    return JSONResponse(data, status, dict(error.headers))


def answering(handler: Handler, queries: Collection[str] | None = None) -> Handler:
    """Return a handler whose errors are answers, too.

    Args:
        queries: names that may stand behind the question mark of its address; None for any.
    """

    async def answered(request: Request) -> Response:
        service = service_of(request)
        try:
            if queries is not None:
                _refuse_unknown_queries(request, queries)
            return await handler(request)
        except ClientDisconnect:
            # Nobody is there to read it.
            return Response(status_code=499)
        except Exception as error:
            # Of a form that is none, or a body that is too large or too slow: those who are around know what to do.
            if type(error).__module__.startswith("starlette.") or isinstance(error, LimitError):
                raise
            found = refused(error, service.settings.logs_prompts)
            if found.status in (429, 413, 503):
                service.metrics.refused.labels(str(found.status)).inc()
            return error_answer(request.url.path, found)

    return answered


class KeptFile(FileResponse):
    """A file that never changes under its address, whole or in ranges. A range that is none is not looked at, as HTTP asks."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        headers = [(name, value) for name, value in scope["headers"] if name != b"range" or _is_range(value)]
        await super().__call__({**scope, "headers": headers}, receive, send)


_RANGES = re.compile(rb"bytes=\s*(?:\d{1,18}-\d{0,18}|-\d{1,18})(?:\s*,\s*(?:\d{1,18}-\d{0,18}|-\d{1,18})){0,15}\s*")


def _is_range(value: bytes) -> bool:
    """Return whether a header names ranges of bytes, each of which begins before it ends (RFC 9110, 14.1.2)."""
    bounds = re.findall(rb"(\d+)-(\d+)", value)
    return _RANGES.fullmatch(value) is not None and all(int(first) <= int(last) for first, last in bounds)


async def in_thread(function: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """Do something that may take a while, while other requests go on."""
    return await run_in_threadpool(function, *args, **named)


def text_of(data: object) -> str:
    """Return data as a line of JSON."""
    return json.dumps(data, ensure_ascii=False, default=str)
