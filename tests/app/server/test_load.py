"""More requests than a server has places for, and clients that go away."""

from __future__ import annotations

import copy
import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from prepared_python import PreparedPython
from served import Answer, Client, Served

from brickwork import Merger, ModularPipeline
from brickwork.app.server.served_workflow import ServedWorkflow
from brickwork.app.server.service import Service
from brickwork.app.server.settings import ServerSettings

COMMAND = (
    "import functools; from brickwork.app.cli.shared import serving; from brickwork.app.cli.main import main; "
    "serving.ServerSettings = functools.partial(serving.ServerSettings, cache_bytes=8 << 20, keep=20); main()"
)
"""As `brickwork serve`, with little room for results, so that it is full after some of them."""


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


def test_requests_at_four_times_the_places_of_a_process_are_all_answered_and_its_memory_stays_flat(
    prepared_python: PreparedPython, tmp_path: Path, many: int
) -> None:
    # The whole form, with `--long`: 200 requests, thrice.
    count, rounds = (16, 1) if many == 1 else (200, 3)
    log, held = tmp_path / "log", []
    words = ("serve", "embedded", "--port", "0", "--queue", str(count // 4 - 2), "--workers", "2")
    with log.open("wb") as file:
        process = prepared_python.start("-c", COMMAND, *words, stdout=file.fileno(), cwd=tmp_path)
    with process:
        until = time.monotonic() + 60
        while "Ready" not in log.read_text() and time.monotonic() < until:
            time.sleep(0.05)
        client = Client(int(log.read_text().partition("127.0.0.1:")[2].split()[0]))
        refused: list[Answer] = []

        def image(number: int) -> str:
            body = {"inputs": {"prompt": f"a cat {number}", "num_inference_steps": 3}, "seed": number}
            while (answer := client.post("/api/runs", body)).status == 429:
                refused.append(answer)
                time.sleep(min(float(answer.headers["retry-after"]), 1.0))
            run = client.ended(answer.data["id"])
            assert (answer.status, run["status"]) == (202, "finished")
            return str(run["outputs"][0]["sha256"])

        for again in range(rounds):
            with ThreadPoolExecutor(count) as pool:
                images = list(pool.map(image, range(again * count, (again + 1) * count)))
            assert len(set(images)) == count
            status = Path(f"/proc/{process.pid}/status").read_text()
            held.append(int(status.partition("VmRSS:")[2].split()[0]) << 10)
        process.kill()
    assert refused
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    # The first round fills the cache, and what is kept of runs; what is left are allocators.
    assert held[-1] - held[0] < 40 << 20, held


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


def test_with_a_bucket_a_request_gives_the_same_bytes_alone_and_among_others(embedded_pipe: ModularPipeline) -> None:
    pipe = copy.copy(embedded_pipe)
    merger = Merger(bucket=8)
    pipe.configure(merge=merger)
    # With no room for what was computed: the second time it is computed again.
    found = Served(Service([ServedWorkflow("embedded", "", pipe)], ServerSettings(workers=4, cache_bytes=1)))
    client = found.client()

    def image(number: int) -> bytes:
        inputs = {"prompt": f"a cat {number}", "num_inference_steps": 12, "guidance_scale": 3.0 + number}
        return client.get(client.run(inputs, seed=number)["outputs"][0]["url"]).body

    try:
        alone = image(0)
        assert set(merger.forwards) == {1}
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(image, range(4)))
        assert max(merger.forwards) > 1
    finally:
        found.stop()
    assert together[0] == alone
    assert len(set(together)) == 4
