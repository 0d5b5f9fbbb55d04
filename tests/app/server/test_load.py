"""More requests than a server has places for, and clients that go away."""

from __future__ import annotations

import http.client
import time
from concurrent.futures import ThreadPoolExecutor

from served import Answer, Client, Served


def test_every_request_is_taken_or_told_when_to_try_again_and_none_is_lost(served: Served, client: Client) -> None:
    def ask(number: int) -> Answer:
        inputs = {"prompt": "a cat", "num_inference_steps": 3}
        return client.post(
            "/api/runs", {"inputs": inputs, "seed": number, "priority": ("interactive", "batch")[number % 2]}
        )

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(32)))
    taken = [answer.data["id"] for answer in answers if answer.status == 202]
    refused = [answer for answer in answers if answer.status != 202]
    assert {answer.status for answer in refused} == {429}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert len(set(taken)) == len(taken) >= 8
    runs = [client.ended(each) for each in taken]
    assert {run["status"] for run in runs} == {"finished"}
    assert len({run["outputs"][0]["sha256"] for run in runs}) == len(taken)
    assert client.get("/api/queue").data["waiting"] == []


def test_a_client_that_goes_away_leaves_nothing_behind(served: Served, client: Client) -> None:
    identifier = client.asked({"prompt": "a cat", "num_inference_steps": 400}, preview=True)
    log = served.service.jobs.get(identifier).events
    for _ in range(3):
        connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
        connection.request("GET", f"/api/runs/{identifier}/events")
        assert connection.getresponse().readline() == b"id: 0\r\n"
        connection.close()
    until = time.monotonic() + 20
    while log._listeners and time.monotonic() < until:
        time.sleep(0.02)
    assert log._listeners == set()
    assert client.get(f"/api/runs/{identifier}").data["status"] == "running"
    client.ask("DELETE", f"/api/runs/{identifier}")
    assert client.ended(identifier)["status"] == "cancelled"
