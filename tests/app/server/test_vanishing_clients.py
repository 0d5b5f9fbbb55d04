"""Clients that are slow, or gone: nothing waits for them, and nothing of them stays."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from served import Client, Served

from brickwork.app.server.event_log import EventLog, LoggedEvent
from brickwork.app.server.served_workflow import ServedWorkflow
from brickwork.app.server.service import Service
from brickwork.app.server.settings import ServerSettings

CLIENTS = 12
LONG = {"prompt": "a cat", "num_inference_steps": 900}


def sent(served: Served, text: str, body: bytes = b"") -> socket.socket:
    """A connection that has sent a request."""
    found = socket.create_connection(("127.0.0.1", served.port), timeout=20)
    found.sendall(text.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
    return found


def comes_true(said: Callable[[], Any], seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while not said() and time.monotonic() < until:
        time.sleep(0.05)
    return bool(said())


def listeners(served: Served) -> int:
    return sum(len(job.events._listeners) for job in served.service.jobs.all())


@pytest.fixture
def quiet(served: Served, client: Client, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Afterwards no listener, connection, run and thread is left, and the log has no error."""
    before = threading.active_count()
    yield
    assert comes_true(lambda: not listeners(served))
    assert comes_true(lambda: not served.connections)
    queue = client.get("/api/queue").data
    assert (queue["waiting"], queue["running"]) == ([], [])
    # Those that wait for work stay for some seconds.
    assert threading.active_count() <= before + CLIENTS
    errors = {record.getMessage() for record in caplog.records if record.levelname == "ERROR"}
    # Of the one that is let go amid its answer.
    assert errors <= {"ASGI callable returned without completing response."}


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("path", "kind", "start"),
    [
        ("/api/files", "image/png", b"\x89PNG\r\n\x1a\n"),
        ("/v1/images/edits", "multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'),
        ("/sdapi/v1/img2img", "application/json", b'{"init_images": ["'),
        ("/mcp", "application/json", b'{"jsonrpc": "2.0", '),
    ],
)  # fmt: skip
def test_those_that_go_during_an_upload_leave_nothing(served: Served, path: str, kind: str, start: bytes) -> None:
    head = f"POST {path} HTTP/1.1\nHost: 127.0.0.1\nContent-Type: {kind}\nContent-Length: 1000000"
    for _ in range(CLIENTS):
        sent(served, head, start + bytes(10_000)).close()


@pytest.mark.usefixtures("quiet")
def test_those_that_go_during_events_leave_nothing_and_the_run_goes_on(served: Served, client: Client) -> None:
    run = client.asked(LONG, preview=True)
    try:
        gone = [sent(served, f"GET /api/runs/{run}/events HTTP/1.1\nHost: 127.0.0.1") for _ in range(CLIENTS)]
        assert comes_true(lambda: listeners(served) == CLIENTS)
        for each in gone:
            assert each.recv(100)
            each.close()
        assert comes_true(lambda: listeners(served) == 0)
        assert client.get(f"/api/runs/{run}").data["status"] == "running"
    finally:
        client.ask("DELETE", f"/api/runs/{run}")
        client.ended(run)


@pytest.mark.usefixtures("quiet")
def test_those_that_go_before_their_answer_cancel_what_they_asked_for(served: Served, client: Client) -> None:
    body = b'{"prompt": "a cat", "steps": 900}'
    head = (
        f"POST /sdapi/v1/txt2img HTTP/1.1\nHost: 127.0.0.1\nContent-Type: application/json\nContent-Length: {len(body)}"
    )
    gone = [sent(served, head, body) for _ in range(4)]
    assert comes_true(lambda: len(client.get("/api/queue").data["running"]) == 2)
    for each in gone:
        each.close()
    assert comes_true(lambda: not client.get("/api/queue").data["running"])
    assert [run["status"] for run in client.get("/api/runs?limit=4").data] == ["cancelled"] * 4


@pytest.mark.usefixtures("quiet")
def test_one_that_reads_nothing_holds_up_neither_the_run_nor_others(
    served: Served, client: Client, apple: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("brickwork.app.server.watching.SLOWEST", 0.5)
    job = served.service.jobs.get(apple["id"])
    # More than the buffers of a connection take.
    many = [LoggedEvent(number, "preview", {"data": "x" * 1_000_000}) for number in range(20)]
    monkeypatch.setattr(EventLog, "since", lambda _, number, __: [event for event in many if event.number >= number])
    monkeypatch.setattr(EventLog, "is_over", False)
    slow = sent(served, f"GET /api/runs/{job.id}/events HTTP/1.1\nHost: 127.0.0.1")
    assert comes_true(lambda: job.events._listeners)
    assert client.get("/healthz").status == 200
    # It is let go after a while, though it has not gone.
    assert comes_true(lambda: not job.events._listeners)
    assert comes_true(lambda: "A client that reads no events is let go" in caplog.text)
    slow.close()


@pytest.mark.usefixtures("quiet")
def test_those_that_send_a_little_hold_no_thread(served: Served, client: Client) -> None:
    before = threading.active_count()
    slow = [sent(served, "POST /api/runs HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 100", b"{") for _ in range(CLIENTS)]
    time.sleep(0.3)
    assert threading.active_count() == before
    assert client.get("/healthz").status == 200
    for each in slow:
        each.close()


def test_a_stop_ends_open_streams_without_an_error_in_the_log(
    workflow: ServedWorkflow, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = Served(Service([workflow], ServerSettings(workers=1, state=tmp_path)))
    client = found.client()
    watched = client.events(client.asked({"prompt": "a pear", "num_inference_steps": 300}))
    assert next(watched).kind == "queued"
    caplog.clear()
    found.stop()
    kinds = [event.kind for event in watched]
    assert not {"finished", "failed", "cancelled"} & set(kinds)
    assert [record.getMessage() for record in caplog.records if record.name.startswith("uvicorn")] == []
