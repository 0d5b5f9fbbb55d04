"""Clients that send or take little: they hold no place for long, and nobody waits for them."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from served import Client, Served

from brickwork.app.server.connections import http_connection, listening
from brickwork.app.server.event_log import EventLog, LoggedEvent
from brickwork.app.server.served_workflow import ServedWorkflow
from brickwork.app.server.service import Service
from brickwork.app.server.settings import ServerSettings

HEAD = "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: 1000000\r\n\r\n"


def opened(served: Served, data: str) -> socket.socket:
    """A connection that has sent something."""
    found = socket.create_connection(("127.0.0.1", served.port), timeout=20)
    found.sendall(data.encode())
    return found


def taken(connection: socket.socket) -> bytes:
    """All that a server sends, to the end of the connection, or until it is reset by what was sent into it after that."""
    found = b""
    with connection, contextlib.suppress(ConnectionResetError):
        while part := connection.recv(1 << 16):
            found += part
    return found


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits of a fraction of a second."""
    monkeypatch.setattr(http_connection, "SLOWEST_HEAD", 0.3)
    monkeypatch.setattr("brickwork.app.server.access.SLOWEST_BODY", 0.3)
    monkeypatch.setattr("brickwork.app.server.access.SLOWEST_RATE", 1_000_000)


@pytest.mark.usefixtures("quick")
def test_a_head_that_does_not_come_whole_is_told_so_and_let_go(served: Served) -> None:
    connection = opened(served, "GET /healthz HTTP/1.1\r\nX-Slow: ")
    for _ in range(100):
        try:
            connection.sendall(b"a")
            time.sleep(0.05)
        except OSError:
            break
    found = taken(connection)
    assert found.startswith(b"HTTP/1.1 408 "), found
    assert b"The head of the request did not come within 0.3 seconds." in found
    assert b"connection: close" in found.lower()


@pytest.mark.usefixtures("quick")
def test_a_head_that_stops_is_told_so(served: Served) -> None:
    found = taken(opened(served, "GET /healthz HTTP/1.1\r\nX-Slow: "))
    assert found.startswith(b"HTTP/1.1 408 "), found
    assert json.loads(found.partition(b"\r\n\r\n")[2])["error"]["type"] == "TooSlowError"


@pytest.mark.usefixtures("quick")
def test_one_that_says_nothing_is_let_go_without_a_word(served: Served) -> None:
    assert taken(opened(served, "")) == b""


@pytest.mark.usefixtures("quick")
def test_the_second_head_of_a_connection_has_its_own_time(served: Served) -> None:
    connection = opened(served, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /healthz HT")
    found = taken(connection)
    assert found.startswith(b"HTTP/1.1 200 ")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/api/runs", "application/json", "{"),
        ("/api/files", "image/png", "\x89PNG"),
        ("/v1/images/edits", "multipart/form-data; boundary=x", "--x\r\n"),
        ("/sdapi/v1/txt2img", "application/json", "{"),
        ("/mcp", "application/json", "{"),
    ],
)
def test_a_body_that_does_not_come_whole_is_told_so(served: Served, path: str, kind: str, body: str) -> None:
    found = taken(opened(served, HEAD.format(path=path, kind=kind) + body))
    assert found.startswith(b"HTTP/1.1 408 "), found
    assert b"The request did not come whole: after 0.3 seconds 1,000,000 bytes a second are the least." in found


@pytest.mark.usefixtures("quick")
def test_a_body_without_end_is_not_taken_on_for_ever_after_its_answer(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "LINGER", 0.3)
    head = "POST /api/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    connection, part = opened(served, head), b"100000\r\n" + bytes(1 << 20) + b"\r\n"
    begun = time.monotonic()
    with connection, contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while time.monotonic() < begun + 20:
            connection.sendall(part)
            time.sleep(0.01)
    assert time.monotonic() < begun + 10


def test_the_rest_of_a_body_that_ends_is_let_by_and_the_connection_goes_on(served: Served) -> None:
    connection = opened(served, "POST /none HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\n12345")
    answer = connection.recv(1 << 16)
    while not answer.endswith(b"}"):  # its head may come before the rest
        answer += connection.recv(1 << 16)
    assert answer.startswith(b"HTTP/1.1 404")
    connection.sendall(b"67890GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    assert taken(connection).startswith(b"HTTP/1.1 200")


def test_what_comes_fast_enough_may_take_longer(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brickwork.app.server.access.SLOWEST_RATE", 1)
    body = json.dumps({"inputs": {"promt": "x"}}).encode()
    connection = opened(
        served, HEAD.format(path="/api/runs", kind="application/json").replace("1000000", str(len(body)))
    )
    with connection:
        for byte in body:
            connection.sendall(bytes([byte]))
            time.sleep(0.02)
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 422 ")


@pytest.mark.usefixtures("quick")
def test_results_may_be_taken_slowly(served: Served, apple: Any) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
    connection.request("GET", apple["outputs"][0]["url"])
    answer = connection.getresponse()
    found = b""
    while part := answer.read(4096):
        found += part
        time.sleep(0.1)
    assert len(found) == int(answer.headers["content-length"])
    connection.close()


@pytest.mark.usefixtures("quick")
def test_a_request_that_is_whole_may_wait_for_its_answer(served: Served, client: Client) -> None:
    run = client.asked({"prompt": "a cat", "num_inference_steps": 60}, seed=77)
    begun = time.monotonic()
    kinds = [event.kind for event in client.events(run)]
    assert (kinds[-1], time.monotonic() - begun > 0.3) == ("finished", True)


def test_streams_that_nobody_reads_hold_up_no_other_request(served: Served, client: Client) -> None:
    run = client.asked({"prompt": "a cat", "num_inference_steps": 900}, preview={"every": 1, "size": 1024}, seed=5)
    unread = [
        opened(served, f"GET /api/runs/{run}/events?blocks=all HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") for _ in range(60)
    ]
    try:
        log = served.service.jobs.get(run).events
        until = time.monotonic() + 20
        while len(log._listeners) < 60 and time.monotonic() < until:
            time.sleep(0.01)
        waits = []
        for _ in range(20):
            begun = time.monotonic()
            assert client.get("/healthz").status == 200
            waits.append(time.monotonic() - begun)
        # A preview is made into an event once, and not for each of them.
        assert sorted(waits)[10] < 0.5
    finally:
        client.ask("DELETE", f"/api/runs/{run}")
        for each in unread:
            each.close()
        client.ended(run)


def test_an_event_is_encoded_once_for_all_who_watch_and_not_kept_for_nobody(served: Served, apple: Any) -> None:
    log = served.service.jobs.get(apple["id"]).events
    first = log.since(0)[0]
    assert log.encoded(first) is not log.encoded(first)
    log.listen(wake := lambda: None)
    assert log.encoded(first) is log.encoded(first)
    log.forget(wake)
    assert log._encoded == {}
    assert log.encoded(first) == b'id: 0\r\nevent: queued\r\ndata: {"position": 0}\r\n\r\n'


def test_a_stop_waits_for_nobody_who_reads_or_sends_nothing(
    workflow: ServedWorkflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listening, "GRACE", 0.2)
    monkeypatch.setattr(listening, "_LONGEST", 60)
    found = Served(Service([workflow], ServerSettings(workers=1, state=tmp_path)))
    run = found.client().asked({"prompt": "a pear", "num_inference_steps": 300})
    # More than the buffers of a connection take.
    many = [LoggedEvent(number, "preview", {"data": "x" * 1_000_000}) for number in range(20)]
    monkeypatch.setattr(EventLog, "since", lambda _, number, __: [event for event in many if event.number >= number])
    unread = opened(found, f"GET /api/runs/{run}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    half = opened(found, HEAD.format(path="/api/runs", kind="application/json") + "{")
    idle, head = opened(found, ""), opened(found, "GET /healthz HT")
    until = time.monotonic() + 20
    while not (found.connections == 4 and found.service.jobs.get(run).progress) and time.monotonic() < until:
        time.sleep(0.02)
    found.stop()
    assert not found.is_running
    assert found.service.jobs.get(run).status == "running"
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
    for each in (unread, half, idle, head):
        each.close()


def test_a_client_that_waits_for_an_image_gets_it_before_a_stop(workflow: ServedWorkflow) -> None:
    found = Served(Service([workflow], ServerSettings(workers=1)))
    body = json.dumps({"prompt": "a cat", "brickwork": {"num_inference_steps": 8}})
    head = f"POST /v1/images/generations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    waits = opened(found, head + body)
    until = time.monotonic() + 20
    while not found.service.queue.going and time.monotonic() < until:
        time.sleep(0.005)
    found.stop()
    assert taken(waits).startswith(b"HTTP/1.1 200 ")
