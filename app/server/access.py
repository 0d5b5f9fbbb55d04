"""Who may ask: tokens, the `Host` and `Origin` of a request, how large it is; and what browsers may do with the answers."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Iterable, Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from attrs import define, field
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...engine.planning.svg import STYLE
from .error_shapes import shaped
from .errors import LimitError, RefusedError
from .settings import LARGEST_BODY, LARGEST_FILE, ServerSettings

COOKIE = "brickwork_session"
SLOWEST_BODY, SLOWEST_RATE = 20.0, 4096
"""Seconds that a client may take to send a request, and how many bytes give it one more."""
_OPEN = frozenset({"/healthz", "/readyz"})
"""What is answered without a token: that the process is there says nothing."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:/?#@\\,\s]+)(?::[0-9]{0,5})?")
_FILES = frozenset({"/api/files", "/v1/images/edits", "/sdapi/v1/img2img", "/mcp"})
"""Where images come in."""
_DRAWING = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: blob:",
        # The drawing of a plan brings its own few lines, which are always the same.
        f"style-src 'self' 'sha256-{_DRAWING}'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@define(eq=False)
class Access:
    """Lets requests through to an application that are allowed; the name of who asks is in `scope["state"]["client"]`."""

    app: ASGIApp
    settings: ServerSettings
    _key: bytes = field(factory=lambda: secrets.token_bytes(32), init=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        is_answered = False

        async def with_headers(message: Message) -> None:
            nonlocal is_answered
            if message["type"] == "http.response.start":
                is_answered = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/api/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        answer = self._answer(scope)
        if answer is not None:
            await answer(scope, receive, with_headers)
            return
        most = _most_bytes(scope)
        try:
            await self.app(scope, _limited(receive, most), with_headers)
        except LimitError as error:
            if not is_answered:
                await _answer_of(scope, error.answer)(scope, receive, with_headers)

    def _answer(self, scope: Scope) -> Response | None:
        """Return the answer to a request that is not let through; None where it is."""
        headers = Headers(scope=scope)
        if self.settings.is_local and not _names_this_machine(headers.get("host", "")):
            text = f"This server listens on {self.settings.host} only, and is not known as {headers.get('host', '')[:100]!r}."
            return _refusal(scope, 421, "HostError", text)
        if not _is_own_origin(headers) and not (scope["method"] in _SAFE and _is_link(headers)):
            return _refusal(
                scope, 403, "OriginError", "A page of another origin may neither change nor read anything here."
            )
        length = headers.get("content-length", "")
        most = _most_bytes(scope)
        if length.isdecimal() and int(length) > most:
            return _refusal(scope, 413, "TooLargeError", _too_many(most))
        if not self.settings.tokens:
            scope.setdefault("state", {})["client"] = (scope.get("client") or ("",))[0]
            return None
        return None if scope["path"] in _OPEN else self._answer_to_stranger(scope, headers)

    def _answer_to_stranger(self, scope: Scope, headers: Headers) -> Response | None:
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = next((value for name, value in query if name == "token"), None)
        client = self._client_of(headers)
        if client is not None and (given is None or "authorization" in headers):
            scope.setdefault("state", {})["client"] = client
            return None
        token = self._known(given) if given is not None and scope["method"] == "GET" else None
        if token is not None:
            # Once, and away from the address, which histories keep.
            rest = urlencode([(name, value) for name, value in query if name != "token"])
            answer = RedirectResponse(f"{_own_path(scope['path'])}{'?' + rest if rest else ''}", 303)
            answer.set_cookie(
                COOKIE,
                self._session(token),
                httponly=True,
                samesite="strict",
                path="/",
                secure=scope.get("scheme") == "https",
            )
            return answer
        said = _refusal(
            scope,
            401,
            "TokenError",
            "This server asks for a token: 'Authorization: Bearer TOKEN', or ?token=TOKEN for the page.",
        )
        said.headers["WWW-Authenticate"] = 'Bearer realm="brickwork"'
        return said

    def _client_of(self, headers: Headers) -> str | None:
        """Return the name of who asks with a token, or with the cookie that stands for one."""
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() in ("bearer", "basic"):
            # Clients of some interfaces know a name and a password only; the token is the password.
            token = self._known(given.strip() if kind.lower() == "bearer" else _password(given))
            return None if token is None else self.settings.tokens[token]
        session = _cookie(headers.get("cookie", ""))
        if not session:
            return None
        found = None
        for token, name in self.settings.tokens.items():
            if hmac.compare_digest(self._session(token).encode(), session.encode("utf-8", "replace")):
                found = name
        return found

    def _known(self, given: str) -> str | None:
        """Return the token that was given, if it is one; the time that takes tells nothing of the others."""
        found = None
        for token in self.settings.tokens:
            if hmac.compare_digest(token.encode(), given.encode("utf-8", "replace")):
                found = token
        return found

    def _session(self, token: str) -> str:
        """Return what the cookie of a token is: it ends with the process, and the token cannot be read from it."""
        return hmac.new(self._key, token.encode(), hashlib.sha256).hexdigest()


def _limited(receive: Receive, most: int) -> Receive:
    """Return what receives a request of so many bytes at most, whatever it says of its length, and not slower than it may be."""
    count, begun, is_whole = 0, 0.0, False

    async def limited() -> Message:
        nonlocal count, begun, is_whole
        if is_whole:
            # From here on only the end of the connection comes, however long the answer takes.
            return await receive()
        begun = begun or time.monotonic()
        until = begun + SLOWEST_BODY + count / SLOWEST_RATE
        try:
            # What is there already is taken, whatever the clock says.
            async with asyncio.timeout(max(until - time.monotonic(), 0.05)):
                message = await receive()
        except TimeoutError:
            raise LimitError(RefusedError(408, "TooSlowError", _too_slow())) from None
        count += len(message.get("body", b""))
        is_whole = not message.get("more_body", False)
        if count > most:
            raise LimitError(RefusedError(413, "TooLargeError", _too_many(most)))
        return message

    return limited


def _too_slow() -> str:
    return (
        f"The request did not come whole: after {SLOWEST_BODY:g} seconds {SLOWEST_RATE:,} bytes a second are the least."
    )


def _too_many(most: int) -> str:
    return f"A request has at most {most:,} bytes here."


def _refusal(scope: Scope, status: int, kind: str, text: str) -> Response:
    return _answer_of(scope, RefusedError(status, kind, text))


def _answer_of(scope: Scope, error: RefusedError) -> Response:
    status, data = shaped(scope["path"], error)
    # What is left of a request that came half is no other request.
    return JSONResponse(data, status, {"Connection": "close"} if status == 408 else None)


def _most_bytes(scope: Scope) -> int:
    return LARGEST_FILE if scope["path"] in _FILES else LARGEST_BODY


def _names_this_machine(host: str) -> bool:
    """Return whether a request's host is this machine by a name that no other machine's page can have."""
    from .settings import is_loopback

    # By itself: what reads addresses takes "user@localhost" and "localhost/x" for names of this machine, too.
    found = _HOST.fullmatch(host)
    return found is not None and is_loopback(found[1].strip("[]").lower())


def _is_own_origin(headers: Headers) -> bool:
    """Return whether a request is from a page of this server, or from no page."""
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
    except ValueError:
        return False


def _is_link(headers: Headers) -> bool:
    """Return whether somebody has followed a link to this server, of which the other page sees nothing."""
    is_own_window = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")
    return is_own_window and "origin" not in headers


def _password(given: str) -> str:
    try:
        return base64.b64decode(given, validate=True).decode("utf-8", "replace").partition(":")[2]
    except ValueError:
        return ""


def _cookie(text: str) -> str:
    try:
        found = SimpleCookie(text).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value


def _own_path(path: str) -> str:
    # Two slashes would be the name of another machine.
    return "/" + path.lstrip("/\\")


def read_tokens(lines: Iterable[str]) -> dict[str, str]:
    """Return tokens with the names of their owners: a token a line, or a name and a token; what begins with # is left out.

    Raises:
        ValueError: there is none, or one is too short to be secret.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) > 2:
            raise ValueError(f"line {number} has {len(words)} words; it is a token, or a name and a token.")
        if len(words[-1]) < _SHORTEST:
            raise ValueError(f"line {number}: a token has {_SHORTEST} characters or more.")
        found[words[-1]] = words[0] if len(words) == 2 else f"token {number}"
    if not found:
        raise ValueError("there is no token in it.")
    return found


_SHORTEST = 16
