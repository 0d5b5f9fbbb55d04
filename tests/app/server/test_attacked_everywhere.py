"""Every endpoint, asked as nobody means it: each time there is an answer, and none is an error of the server."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest
from served import Client

from brickwork.app.server.application import ENDPOINTS

POSTED = sorted({each.path for each in ENDPOINTS if each.method == "POST"} | {"/mcp"})
NAMED = sorted({(each.method, each.path) for each in ENDPOINTS if "{" in each.path})
PATHS = sorted({each.path for each in ENDPOINTS} - {"/readyz"} | {"/mcp", "/"})
BODIES = (
    b"{", b"[]", b"null", b"3", b"\xff\xfe\x00", b'{"a": NaN}', b'{"a": 1e999}', b'{"a": %s}' % (b"9" * 5000), b"[" * 50_000, b'{"a":' * 5000,
    b'{"\\u0000": "\\u0000"}', b'{"prompt": "\\ud800"}', b'{"prompt": "a", "prompt": "b"}', b"--x\r\nContent-Disposition: form-data; name=",
    b'--x\r\nContent-Disposition: form-data; name="image"; filename="\x00"\r\n\r\nno image\r\n--x--\r\n',
    b'--x\r\nContent-Disposition: form-data; name="n"\r\n\r\nten\r\n--x--\r\n',
)  # fmt: skip
KINDS = (
    "application/json", "application/json; charset=utf-16", "text/plain", "\u00e9", "multipart/form-data", "multipart/form-data; boundary=x", "multipart/form-data; boundary=x; charset=undefined",
    "application/x-www-form-urlencoded",
)  # fmt: skip
NAMES = (
    "%00",
    "%ff",
    "..%2f..%2fetc%2fpasswd",
    "x" * 5000,
    "%F0%9F%8D%8E",
    "%ED%A0%80",
    "9" * 5000,
    "-1",
    "NaN",
    "'%22%3Cscript%3E",
    "%25s",
    ".",
)
_PARAMETER = re.compile(r"\{[^}]*\}")


@pytest.fixture(autouse=True)
def _no_tracebacks(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    found = [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR]
    assert not found, found[:3]


@pytest.mark.parametrize("path", POSTED)
def test_a_body_that_is_none_is_refused(client: Client, path: str, apple: dict[str, object]) -> None:
    path = path.replace("{id}", str(apple["id"]) if "/runs/" in path else "embedded")
    # What takes no body does not look at one.
    takes_none = path == "/sdapi/v1/interrupt"
    for kind in KINDS:
        for body in BODIES:
            answer = client.ask("POST", path, body, {"Content-Type": kind})
            assert (200 if takes_none else 400) <= answer.status < 500, (path, kind, body[:60], answer)
            assert b"Traceback" not in answer.body


@pytest.mark.parametrize(("method", "path"), NAMED)
def test_a_name_that_is_none_is_not_found(client: Client, method: str, path: str) -> None:
    for name in NAMES:
        answer = client.ask(method, _PARAMETER.sub(name, path), b"{}" if method == "POST" else None)
        assert 300 <= answer.status < 500, (path, name[:40], answer)


@pytest.mark.parametrize("path", PATHS)
def test_a_method_that_there_is_none_of_is_refused(client: Client, path: str) -> None:
    for method in ("PUT", "PATCH", "OPTIONS", "TRACE", "BREW", "HEAD"):
        answer = client.ask(method, _PARAMETER.sub("x", path))
        assert answer.status < 500, (method, path, answer)
