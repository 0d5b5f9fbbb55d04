"""Runs over a stop, a kill, and a restart."""

from __future__ import annotations

import io
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from PIL import Image
from prepared_python import PreparedPython, Started
from served import Client

from brickwork import ModularPipeline
from brickwork.app.server.errors import RefusedError
from brickwork.app.server.job import Asked, Job
from brickwork.app.server.served_workflow import ServedWorkflow
from brickwork.app.server.service import Service
from brickwork.app.server.settings import ServerSettings
from brickwork.engine.serving.work_queue import QueueClosedError

LONG = {"prompt": "a pear", "num_inference_steps": 24}
SHORT = {"prompt": "a pear", "num_inference_steps": 3}
COMMAND = "from brickwork.app.cli.main import main; main()"


def becomes(holds: Callable[[], Any], seconds: float = 60.0) -> bool:
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        time.sleep(0.02)
    return bool(holds())


def begun(python: PreparedPython, folder: Path, log: Path) -> tuple[Started, Client]:
    """Start a server, and return it with a client."""
    with log.open("wb") as file:
        words = ("serve", "embedded", "--port", "0", "--workers", "1", "--state", str(folder / "state"))
        process = python.start("-c", COMMAND, *words, stdout=file.fileno(), cwd=folder)
    assert becomes(lambda: "Ready: embedded." in log.read_text()), log.read_text()
    first = log.read_text().splitlines()[0]
    found = re.fullmatch(r"Brickwork serves on http://127\.0\.0\.1:(\d+)", first)
    assert found is not None, first
    return process, Client(int(found[1]))


def test_runs_go_on_after_a_kill_and_no_image_is_made_twice(
    prepared_python: PreparedPython, tmp_path: Path, embedded_pipe: ModularPipeline
) -> None:
    process, client = begun(prepared_python, tmp_path, tmp_path / "first.log")
    with process:
        done = client.run(SHORT, seed=1)
        ids = [client.asked(inputs, seed=2 + n) for n, inputs in enumerate((LONG, SHORT, SHORT))]
        assert becomes(lambda: (tmp_path / "state" / "runs" / ids[0] / "snapshot.safetensors").is_file())
        process.kill()
    process, client = begun(prepared_python, tmp_path, tmp_path / "second.log")
    with process:
        runs = [client.ended(each) for each in ids]
        first = [event.data for event in client.events(ids[0]) if event.kind == "step"]
        listed = [run["id"] for run in client.get("/api/runs").data]
        images = [Image.open(io.BytesIO(client.get(run["outputs"][0]["url"]).body)) for run in runs]
        kept = client.get(done["outputs"][0]["url"])
        # A run that goes on, one that watches it, and one that keeps its connection: it ends all the same, and says nothing.
        last = client.asked(LONG | {"num_inference_steps": 900})
        watched, before = client.events(last), (tmp_path / "second.log").read_text()
        assert next(watched).kind == "queued"
        os.kill(process.pid, signal.SIGTERM)
        ended = process.wait(timeout=20)
        assert "finished" not in [event.kind for event in watched]
    assert (ended, (tmp_path / "second.log").read_text()) == (-signal.SIGTERM, before)
    assert [run["status"] for run in runs] == ["finished"] * 3
    assert listed == [*reversed(ids), done["id"]]
    assert kept.status == 200
    # It went on where it stood, and did not begin again.
    assert 5 <= first[0]["index"] < first[-1]["index"] == 23
    for seed, inputs, image in zip((2, 3, 4), (LONG, SHORT, SHORT), images, strict=True):
        assert image.tobytes() == embedded_pipe(**inputs, seed=seed, output="images")[0].tobytes()


@pytest.fixture
def settings(tmp_path: Path) -> ServerSettings:
    return ServerSettings(workers=1, state=tmp_path / "state", snapshot_every=2)


@pytest.fixture
def started(workflow: ServedWorkflow) -> Iterator[Callable[[ServerSettings], Service]]:
    found: list[Service] = []

    def start(settings: ServerSettings) -> Service:
        found.append(Service([workflow], settings))
        return found[-1]

    yield start
    for each in found:
        each.stop(0)


def asked(service: Service, inputs: dict[str, Any] = SHORT, seed: int = 1) -> Job:
    return service.submit(Asked("embedded", inputs), seed=seed)


def over(job: Job) -> bool:
    return becomes(lambda: job.events.is_over)


def test_a_stop_hands_runs_on_to_the_next_start(
    started: Callable[[ServerSettings], Service], settings: ServerSettings
) -> None:
    service = started(settings)
    jobs = [asked(service, LONG), asked(service, seed=2)]
    assert becomes(lambda: jobs[0].snapshot.is_file())
    service.stop(grace=0.1)
    assert becomes(lambda: jobs[0].run is None)
    assert not any(job.events.is_over for job in jobs)
    again = started(settings)
    found = [again.jobs.get(job.id) for job in jobs]
    assert all(map(over, found))
    assert [job.status for job in found] == ["finished", "finished"]
    assert next(event for event in found[0].events.since(0) if event.kind == "step").data["index"] >= 1
    assert not found[0].snapshot.exists()


def test_a_stop_ends_a_run_after_its_step_and_no_step_is_made_twice(
    started: Callable[[ServerSettings], Service], settings: ServerSettings
) -> None:
    # No other snapshot than that of the stop.
    settings = evolve(settings, snapshot_every=1000)
    service = started(settings)
    job = asked(service, {"prompt": "a pear", "num_inference_steps": 100})
    assert becomes(lambda: (job.progress or {}).get("index", 0) >= 3)
    service.stop()
    made = [event.data["index"] for event in job.events.since(0) if event.kind == "step"]
    assert len(made) < 100
    again = started(settings).jobs.get(job.id)
    assert over(again)
    rest = [event.data["index"] for event in again.events.since(0) if event.kind == "step"]
    assert [*made, *rest] == list(range(100))


def test_without_a_state_folder_a_run_that_is_nearly_done_is_finished(
    started: Callable[[ServerSettings], Service],
) -> None:
    service = started(ServerSettings(workers=1))
    job = asked(service, LONG)
    assert becomes(lambda: job.status == "running")
    service.drain(grace=60)
    assert (job.status, len(job.outputs)) == ("finished", 1)
    with pytest.raises(QueueClosedError, match="takes no more work"):
        asked(service)


@pytest.mark.parametrize("name", ["recipe.json", "images-0.png", "events.json", "snapshot.safetensors"])
def test_a_spoilt_file_of_one_run_leaves_the_others_as_they_are(
    started: Callable[[ServerSettings], Service], settings: ServerSettings, name: str
) -> None:
    service = started(settings)
    jobs = [asked(service, seed=n) for n in (1, 2)]
    assert all(map(over, jobs))
    service.stop()
    (jobs[0].folder / name).write_bytes(b"spoilt")
    again = started(settings)
    assert [job.id for job in again.jobs.all()] == [jobs[1].id, jobs[0].id]
    assert again.jobs.get(jobs[1].id).read_recipe()["results"]
    if name == "recipe.json":
        with pytest.raises(RefusedError, match=f"recipe of the run {jobs[0].id} cannot be read any more"):
            again.replay(jobs[0].id)


def test_a_snapshot_that_is_cut_short_lets_the_run_begin_anew(
    started: Callable[[ServerSettings], Service], settings: ServerSettings
) -> None:
    service = started(settings)
    job = asked(service, LONG)
    assert becomes(lambda: job.snapshot.is_file())
    service.stop(grace=0.1)
    assert becomes(lambda: job.run is None)
    job.snapshot.write_bytes(job.snapshot.read_bytes()[:1000])
    again = started(settings).jobs.get(job.id)
    assert over(again)
    warnings = [event.data["text"] for event in again.events.since(0) if event.kind == "warning"]
    assert (again.status, len(warnings)) == ("finished", 1)
    assert "begins anew, since it cannot go on" in warnings[0]


def test_without_a_state_folder_a_stop_cancels_what_waits(
    started: Callable[[ServerSettings], Service], settings: ServerSettings
) -> None:
    service = started(ServerSettings(workers=1))
    jobs = [asked(service, LONG), asked(service, seed=2)]
    assert becomes(lambda: jobs[0].status == "running")
    folder = service.folder
    service.stop(grace=0.1)
    assert all(map(over, jobs))
    assert [job.status for job in jobs] == ["cancelled", "cancelled"]
    assert not folder.exists()


def test_runs_of_a_workflow_that_is_not_served_wait_until_it_is_again(
    started: Callable[[ServerSettings], Service],
    settings: ServerSettings,
    workflow: ServedWorkflow,
    caplog: pytest.LogCaptureFixture,
) -> None:
    service = started(settings)
    jobs = [asked(service, LONG), asked(service), asked(service)]
    assert becomes(lambda: jobs[0].snapshot.is_file())
    service.stop(grace=0.1)
    files = [job.folder / "run.json" for job in jobs]
    before = [file.read_bytes() for file in files]
    other = Service([ServedWorkflow("other", "Other", workflow.pipe)], settings)
    found = [other.jobs.get(job.id) for job in jobs]
    said = [event.data["text"] for event in found[1].events.since(0)]
    statuses = [job.status for job in found]
    cancelled = other.cancel(jobs[2].id)
    other.stop(0)
    assert statuses == ["queued"] * 3
    assert said == ["embedded is not served now. The run waits until the server is started with it again."]
    assert cancelled.status == "cancelled"
    assert [file.read_bytes() for file in files[:2]] == before[:2]
    assert jobs[0].snapshot.is_file()
    assert (
        f"3 runs wait in {settings.state}: 3 for embedded, which is not served. They stay there as they are. To go on with them, serve these "
        f"workflows, too: brickwork serve other embedded --state {settings.state}; or cancel them: DELETE /api/runs/ID."
    ) in caplog.text
    again = started(settings)
    last = [again.jobs.get(job.id) for job in jobs]
    assert all(map(over, last))
    assert [job.status for job in last] == ["finished", "finished", "cancelled"]
    assert next(event for event in last[0].events.since(0) if event.kind == "step").data["index"] >= 1


def test_a_folder_that_is_no_run_is_let_go_of(
    started: Callable[[ServerSettings], Service], settings: ServerSettings, caplog: pytest.LogCaptureFixture
) -> None:
    assert settings.state is not None
    for name, text in (("empty", None), ("odd", "{}"), ("later", '{"format": 2}')):
        folder = settings.state / "runs" / name
        folder.mkdir(parents=True)
        if text is not None:
            (folder / "run.json").write_text(text)
    assert started(settings).jobs.all() == []
    assert caplog.text.count("A run is not taken up") == 3
    assert list((settings.state / "runs").iterdir()) == []


def test_the_oldest_runs_go_with_their_outputs(started: Callable[[ServerSettings], Service], tmp_path: Path) -> None:
    service = started(ServerSettings(workers=1, state=tmp_path, keep=2))
    jobs = [asked(service, {"prompt": "a pear", "num_inference_steps": 1}, seed) for seed in range(4)]
    assert all(map(over, jobs))
    assert becomes(lambda: service.jobs.all() == [jobs[3], jobs[2]])
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {jobs[3].id, jobs[2].id}


def test_a_run_that_is_over_has_its_steps_and_previews_after_a_restart(
    started: Callable[[ServerSettings], Service], settings: ServerSettings, caplog: pytest.LogCaptureFixture
) -> None:
    service = started(settings)
    jobs = [service.submit(Asked("embedded", SHORT, preview={"every": 1, "size": 32}), seed=n) for n in (1, 2)]
    assert all(map(over, jobs))
    service.stop()
    (jobs[1].folder / "events.json").write_text('{"events": [[1]]}')
    again = started(settings)
    then, now = (found.events.since(0, with_inner=True) for found in (jobs[0], again.jobs.get(jobs[0].id)))
    assert now == then
    assert [event.kind for event in now].count("preview") == 3
    assert [event.kind for event in again.jobs.get(jobs[1].id).events.since(0)] == ["finished"]
    assert "What happened in a run is not kept" in caplog.text
