"""What an attack with the docs in hand found, each as a test."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from served import Client, Served

from brickwork import InputError
from brickwork.app.server.served_workflow import MOST_IMAGES, ServedWorkflow
from brickwork.app.server.service import Service
from brickwork.app.server.settings import ServerSettings

STEP = {"prompt": "a red apple", "num_inference_steps": 1}
_SAID = f"This run would make 1,000,000,000 images, and a run makes {MOST_IMAGES} at most. Ask for several runs."


@pytest.mark.parametrize(
    "many", [{"num_images_per_prompt": 10**9}, {"prompt": ["x"] * 1000, "num_images_per_prompt": 10**6}]
)
def test_a_run_of_endless_images_is_refused_before_anything_is_made_for_each(
    client: Client, many: dict[str, Any]
) -> None:
    answer = client.post("/api/runs", {"inputs": {**STEP, **many}})
    assert answer.status == 413
    assert answer.error["message"] == _SAID
    assert answer.error["faults"] == [{"input": "num_images_per_prompt", "text": _SAID}]
    checked = client.post("/api/workflows/embedded/check", {"inputs": {**STEP, **many}})
    assert checked.data["faults"] == answer.error["faults"]


def test_as_many_images_as_a_run_may_have_are_a_question_of_memory_only(client: Client) -> None:
    fits = client.post("/api/workflows/embedded/check", {"inputs": {**STEP, "num_images_per_prompt": MOST_IMAGES}})
    assert fits.data["faults"] == []
    more = client.post("/api/workflows/embedded/check", {"inputs": {**STEP, "num_images_per_prompt": MOST_IMAGES + 1}})
    assert len(more.data["faults"]) == 1


def test_a_sweep_with_a_point_of_endless_images_is_refused_whole(client: Client) -> None:
    answer = client.post("/api/sweeps", {"inputs": STEP, "axes": {"num_images_per_prompt": [1, 10**9]}})
    assert (answer.status, answer.error["message"]) == (413, _SAID)


def test_a_variant_is_shown_with_what_it_changes(client: Client, apple: dict[str, Any]) -> None:
    answer = client.post(f"/api/runs/{apple['id']}/branch", {"at_step": 2, "inputs": {"guidance_scale": 9}})
    assert answer.data["inputs"] == {**apple["inputs"], "guidance_scale": 9}
    told = client.ended(answer.data["id"])
    assert told["inputs"] == answer.data["inputs"]
    assert told["changes"] == {"guidance_scale": 9}
    empty = client.post(f"/api/runs/{apple['id']}/branch", {"at_step": 2, "inputs": {}})
    assert empty.error["message"].startswith("A variant needs an input that differs from the run's, such as")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?after=x", "after is the number of an event, a whole number from 0 on of 18 digits at most."),
        ("?blocks=zz", "blocks is 'all', or is left out."),
    ],
)
def test_events_are_not_sent_for_questions_that_say_nothing(
    client: Client, apple: dict[str, Any], query: str, said: str
) -> None:
    answer = client.get(f"/api/runs/{apple['id']}/events{query}")
    assert (answer.status, answer.error["message"]) == (422, said)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/api/runs?lmit=3", "There is no parameter 'lmit' in this address; there are: limit, before."),
        ("/api/runs?limit=1&limit=2", "limit stands in the address twice."),
        ("/api/runs/APPLE/events?after=3&after=1", "after stands in the address twice."),
        ("/api/workflows?limit=3", "There is no parameter 'limit' in this address; it takes none."),
        ("/api/workflows/embedded?wrkflow=x", "there are: workflow."),
        ("/api/diff?a=APPLE&b=APPLE&c=1", "There is no parameter 'c' in this address; there are: a, b."),
    ],
)
def test_a_parameter_of_an_address_is_known_or_refused(client: Client, apple: Any, path: str, said: str) -> None:
    answer = client.get(path.replace("APPLE", apple["id"]))
    assert (answer.status, answer.error["type"]) == (422, "RequestError")
    assert said in answer.error["message"]


def test_what_takes_no_keys_says_so(client: Client, apple: Any) -> None:
    answer = client.post(f"/api/runs/{apple['id']}/replay", {"seed": 1})
    assert answer.error["message"] == "There is no key 'seed'; it takes none."


def test_what_is_nowhere_is_not_found_whatever_is_asked_of_it(client: Client) -> None:
    for path in ("/v1/images/variations", "/sdapi/v1/png-info", "/api/none"):
        answer = client.post(path)
        assert (answer.status, f"There is nothing at {path}." in answer.body.decode()) == (404, True)
    # What is there answers to other methods.
    assert client.post("/index.html").status == 405
    assert (client.post("/api/queue").status, client.get("/api/sweeps").status) == (405, 405)


def test_a_composition_larger_than_a_file_may_be_is_refused_unread(client: Client) -> None:
    answer = client.post("/api/compositions", {"data": {"brickwork": 1, "inputs": {"prompt": "x" * 300_000}}})
    assert answer.status == 422
    assert answer.error["message"].startswith("A composition has at most 256,000 characters")


def service_in(folder: Path, workflow: ServedWorkflow) -> Service:
    return Service([workflow], ServerSettings(workers=1, state=folder))


def test_a_state_folder_has_one_server_at_a_time(workflow: ServedWorkflow, tmp_path: Path) -> None:
    first = service_in(tmp_path / "state", workflow)
    with pytest.raises(InputError, match=r"^Another server has the state in .*state\. Stop it first, or give this one"):
        service_in(tmp_path / "state", workflow)
    first.stop()
    service_in(tmp_path / "state", workflow).stop()
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0


def test_runs_that_cannot_be_read_are_moved_aside_and_kept(workflow: ServedWorkflow, tmp_path: Path) -> None:
    service_in(tmp_path, workflow).stop()
    kept: dict[str, Any] = {
        "format": 1, "asked": {"workflow": "embedded", "inputs": {}}, "id": "a", "number": 1, "client": "", "cost": 1.0, "created": 0.0,
        "status": "finished", "started": None, "seconds": None, "outputs": [], "error": None, "verdict": None,
    }  # fmt: skip
    written = {
        "later": json.dumps({**kept, "format": 99}), "cut": "{", "evil": json.dumps({**kept, "status": "evil"}), "fine": json.dumps(kept)
    }  # fmt: skip
    for name, text in written.items():
        folder = tmp_path / "runs" / name
        folder.mkdir()
        (folder / "run.json").write_text(text)
        (folder / "images-0.png").write_bytes(b"an image")
    (tmp_path / "runs" / "empty").mkdir()
    service = service_in(tmp_path, workflow)
    assert [job.id for job in service.jobs.all()] == ["a"]
    assert service.jobs.get("a").status == "finished"
    service.stop()
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["fine"]
    assert sorted(path.name for path in (tmp_path / "unreadable").iterdir()) == ["cut", "empty", "evil", "later"]
    assert (tmp_path / "unreadable" / "later" / "images-0.png").read_bytes() == b"an image"
    # And once more, beside what lies there.
    shutil.copytree(tmp_path / "unreadable" / "cut", tmp_path / "runs" / "cut")
    service_in(tmp_path, workflow).stop()
    assert (tmp_path / "unreadable" / "cut-1" / "run.json").read_text() == "{"


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"workflow": "painting"}, "workflow cannot stand beside from: a variant has those of its run. Leave it out."),
        (
            {"workflow": "painting", "output": "latents"},
            "workflow and output cannot stand beside from: a variant has those of its run. Leave them out.",
        ),
    ],
)
def test_a_variant_takes_nothing_that_it_would_ignore(
    client: Client, apple: Any, others: dict[str, Any], said: str
) -> None:
    body = {"from": {"run": apple["id"], "at_step": 1}, "inputs": {"guidance_scale": 3}, **others}
    answer = client.post("/api/runs", body)
    assert (answer.status, answer.error["message"]) == (422, said)


def test_an_output_that_is_named_twice_is_refused(client: Client) -> None:
    for address, body in (("/api/runs", {"inputs": STEP}), ("/api/sweeps", {"inputs": STEP, "axes": {"seed": [1]}})):
        answer = client.post(address, {**body, "output": ["images", "images"]})
        assert (answer.status, answer.error["message"]) == (422, "output names a value twice; a run gives it once.")


@pytest.mark.parametrize("number", ["9" * 50, "%D9%A3", "-1", "1.5"])
def test_numbers_in_addresses_are_digits_and_not_endless(client: Client, apple: Any, number: str) -> None:
    """What is not understood is no beginning, and no other digit."""
    events = client.get(f"/api/runs/{apple['id']}/events?after={number}")
    assert events.status == 422
    assert events.error["message"] == "after is the number of an event, a whole number from 0 on of 18 digits at most."
    assert client.get(f"/api/runs?limit={number}").error["message"] == "limit is a whole number from 1 to 200."


def test_after_the_last_event_there_is_none(client: Client, apple: Any) -> None:
    assert client.get(f"/api/runs/{apple['id']}/events?after={'9' * 18}").body == b""
    assert client.get(f"/api/runs/{apple['id']}/events", **{"Last-Event-ID": "9" * 18}).body == b""


def test_a_prompt_that_is_cut_off_is_said_to_whoever_watches(client: Client) -> None:
    long = " ".join(["red"] * 3000)
    run = client.asked({**STEP, "prompt": f"{long} apple"}, seed=1)
    (said,) = [event.data for event in client.events(run) if event.kind == "warning"]
    assert said["path"] == "text_encoder.positive.encode"
    assert said["text"].startswith(
        "text_encoder and text_encoder_2 read 32 tokens; this part of the prompt was cut off: ['red red"
    )
    assert len(said["text"]) == 601


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-3", 206, slice(0, 4)),
        ("bytes=-5", 206, slice(-5, None)),
        ("bytes=9-1", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
        ("bytes=", 200, slice(None)),
        ("bytes=0-999999999999", 206, slice(None)),
        ("bytes=" + ",".join(f"{n}-{n}" for n in range(500)), 200, slice(None)),
    ],
)
def test_a_range_that_is_none_is_not_looked_at(
    client: Client, apple: Any, asked: str, status: int, part: slice
) -> None:
    address = apple["outputs"][0]["url"]
    whole = client.get(address)
    found = client.get(address, Range=asked)
    assert (found.status, found.headers["content-type"]) == (status, "image/png")
    assert found.body == whole.body[part]


@pytest.mark.parametrize("asked", ["bytes=-0", "bytes=999999999-", "bytes=999999999999-999999999999"])
def test_a_range_beyond_the_end_is_said_to_be_none(client: Client, apple: Any, asked: str) -> None:
    found = client.get(apple["outputs"][0]["url"], Range=asked)
    assert (found.status, found.headers["content-range"]) == (416, f"bytes */{_size(client, apple)}")


def _size(client: Client, apple: Any) -> int:
    return len(client.get(apple["outputs"][0]["url"]).body)


@pytest.mark.parametrize("index", ["9" * 10, "9" * 5000, "-1", "%D9%A3", "0%00"])
def test_a_number_of_an_output_is_no_error_of_the_server(client: Client, apple: Any, index: str) -> None:
    """Python reads no more than 4,300 digits."""
    assert client.get(f"/api/runs/{apple['id']}/outputs/images/{index}.png").status == 404


def test_a_run_that_has_told_its_end_is_not_among_those_that_run(served: Served, client: Client) -> None:
    """Although its thread has not let go of it yet."""
    release, told = threading.Event(), threading.Event()
    run = client.asked({**STEP, "num_inference_steps": 900}, seed=1)
    job = served.service.jobs.get(run)

    def hold() -> None:
        if job.status == "cancelled":
            told.set()
            release.wait(60)

    job.events.listen(hold)
    try:
        client.ask("DELETE", f"/api/runs/{run}")
        assert told.wait(60)
        assert job.task in served.service.queue.going, "its thread goes on"
        assert client.get("/api/queue").data["running"] == []
    finally:
        release.set()
        job.events.forget(hold)
