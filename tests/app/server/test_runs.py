"""Runs over HTTP: asking, watching, cancelling, outputs."""

from __future__ import annotations

import hashlib
import io
import threading
import time
from typing import Any

import numpy as np
import pytest
from PIL import Image
from served import Client, Served

from brickwork import ModularPipeline
from brickwork.state.value_file import load_values

LONG = {"prompt": "a cat", "num_inference_steps": 900}


def image_of(client: Client, run: Any, index: int = 0) -> Image.Image:
    return Image.open(io.BytesIO(client.get(run["outputs"][index]["url"]).body))


@pytest.mark.parametrize(
    ("inputs", "name"),
    [
        ({"cross_attention_kwargs": {"foo": 1}}, "cross_attention_kwargs"),
        ({"timesteps": [5000, 3]}, "timesteps"),
        ({"num_inference_steps": 10**9}, "num_inference_steps"),
        ({"num_images_per_prompt": 10**9}, "num_images_per_prompt"),
    ],
)
def test_what_network_scheduler_and_memory_do_not_take_is_found_before_the_run(
    client: Client, inputs: dict[str, Any], name: str
) -> None:
    given = {"inputs": {"prompt": "a cat", **inputs}}
    checked = client.post("/api/workflows/embedded/check", given).data
    assert [fault["input"] for fault in checked["faults"]] == [name]
    answer = client.post("/api/runs", given)
    assert answer.status in (413, 422)
    assert [fault["input"] for fault in answer.error["faults"]] == [name]


@pytest.mark.parametrize(("name", "model"), [("control_image", "controlnet"), ("ip_adapter_image", "image_encoder")])
def test_an_input_of_a_model_that_is_not_there_is_told_to_be_left_out(client: Client, name: str, model: str) -> None:
    content = io.BytesIO()
    Image.new("RGB", (64, 64)).save(content, "PNG")
    image = {"$file": client.post("/api/files", content.getvalue()).data["file"]}
    given = {"inputs": {"prompt": "a cat", name: image}}
    said = f"painting has no {model}, which {name} needs. Leave {name} out, or choose a workflow that has it."
    answer = client.post("/api/runs", {**given, "workflow": "painting"})
    assert (answer.status, answer.error["type"]) == (422, "MissingModelError")
    assert answer.error["faults"] == [{"input": name, "text": said}]
    assert client.post("/api/workflows/painting/check", given).data["faults"] == answer.error["faults"]


def test_a_run_gives_the_image_that_a_call_gives(
    client: Client, apple: Any, embedded_pipe: ModularPipeline, few: dict[str, Any]
) -> None:
    images = embedded_pipe(**few, num_images_per_prompt=2, seed=1, output="images")
    for index, image in enumerate(images):
        assert image_of(client, apple, index).tobytes() == image.tobytes()


def test_image_k_of_several_is_the_one_of_its_seed_alone(client: Client, apple: Any, few: dict[str, Any]) -> None:
    alone = client.run(few, seed=2)
    pair = [np.asarray(image_of(client, *each), dtype=int) for each in ((apple, 1), (alone, 0))]
    # A larger batch rounds in another way: at most a level of 255.
    assert np.abs(pair[0] - pair[1]).max() <= 1


def test_an_output_is_a_png_with_the_recipe_in_it_and_its_hash_is_told(client: Client, apple: Any) -> None:
    first = apple["outputs"][0]
    answer = client.get(first["url"])
    assert answer.headers["content-type"] == "image/png"
    assert "immutable" in answer.headers["cache-control"]
    assert hashlib.sha256(answer.body).hexdigest() == first["sha256"]
    assert '"a red apple"' in Image.open(io.BytesIO(answer.body)).info["brickwork"]


def test_other_values_are_safetensors_files(client: Client, few: dict[str, Any]) -> None:
    run = client.run(few, seed=1, output=["images", "latents"])
    assert [each["name"] for each in run["outputs"]] == ["images", "latents"]
    url = run["outputs"][1]["url"]
    assert url.endswith("/outputs/latents/0.safetensors")
    values, _ = load_values(client.get(url).body)
    assert values["latents"].shape == (1, 4, 16, 16)


def test_an_output_that_is_none_is_not_found(client: Client, apple: Any) -> None:
    for place in ("images/2.png", "images/0.safetensors", "latents/0.safetensors", "..%2F..%2Frun/0.json"):
        answer = client.get(f"/api/runs/{apple['id']}/outputs/{place}")
        assert answer.status == 404, place


def test_the_events_of_a_run_come_in_their_order(client: Client, apple: Any) -> None:
    events = list(client.events(apple["id"]))
    kinds = [event.kind for event in events]
    assert kinds[:2] == ["queued", "started"]
    assert kinds[-1] == "finished"
    assert [event.number for event in events] == sorted({event.number for event in events})
    started = events[1].data
    assert (started["workflow"], started["steps"]) == ("embedded", 4)
    assert started["paths"][-1] == "decode"
    steps = [event.data for event in events if event.kind == "step"]
    assert [(step["path"], step["index"], step["total"]) for step in steps] == [("denoise", n, 4) for n in range(4)]
    assert events[-1].data["outputs"] == apple["outputs"]


def test_blocks_in_loops_are_told_to_who_asks_for_them(client: Client, apple: Any) -> None:
    def paths(query: str) -> set[str]:
        return {event.data["path"] for event in client.events(apple["id"], query) if event.kind == "block"}

    assert "denoise.denoiser" not in paths("")
    assert (
        paths("?blocks=all") - paths("")
        == {path for path in paths("?blocks=all") if path.startswith("denoise.")}
        != set()
    )


def test_previews_are_small_jpegs_of_every_nth_step(client: Client, apple: Any) -> None:
    import base64

    previews = [event.data for event in client.events(apple["id"]) if event.kind == "preview"]
    assert [(each["path"], each["index"], each["mime"]) for each in previews] == [
        ("denoise", 1, "image/jpeg"),
        ("denoise", 3, "image/jpeg"),
    ]
    image = Image.open(io.BytesIO(base64.b64decode(previews[0]["data"])))
    assert (image.format, image.size) == ("JPEG", (32, 32))


def test_a_client_that_lost_its_connection_goes_on_after_the_last_event(client: Client, apple: Any) -> None:
    every = list(client.events(apple["id"]))
    after = every[5].number
    assert list(client.events(apple["id"], headers={"Last-Event-ID": str(after)})) == every[6:]
    assert list(client.events(apple["id"], f"?after={after}")) == every[6:]
    assert list(client.events(apple["id"], headers={"Last-Event-ID": "none"})) == every


def test_faults_are_named_with_a_run_that_is_not_taken(client: Client) -> None:
    before = len(client.get("/api/runs?limit=200").data)
    answer = client.post("/api/runs", {"inputs": {"promt": "x", "height": 65}})
    assert answer.status == 422
    assert answer.error["type"] == "InputError"
    texts = [fault["text"] for fault in answer.error["faults"]]
    assert any("'promt' is no input of this pipeline. Did you mean 'prompt'?" in text for text in texts)
    assert len(client.get("/api/runs?limit=200").data) == before


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"inputs": {"prompt": "x"}, "prio": 1}, "There is no key 'prio'"),
        ({"inputs": "x"}, "inputs is a text; it is an object"),
        ({"inputs": {"prompt": "x"}, "seed": True}, "seed is true or false; it is a whole number or a list"),
        ({"inputs": {"prompt": "x"}, "seed": -1}, "seed is -1; it is from 0"),
        ({"inputs": {"prompt": "x", "seed": 1}, "seed": 2}, "seed is given beside the inputs and among them"),
        ({"inputs": {"prompt": "x"}, "priority": "high"}, "priority is 'interactive' or 'batch'"),
        ({"inputs": {"prompt": "x"}, "output": [1]}, "output is the name of a value, or a list of such"),
        ({"inputs": {"prompt": "x"}, "output": []}, "output is the name of a value, or a list of such"),
        ({"inputs": {"prompt": "x"}, "output": "imags"}, "Did you mean 'images'?"),
        ({"inputs": {"prompt": "x"}, "preview": {"size": 8}}, "size is a whole number of pixels from 16 to 1024"),
        ({"inputs": {"prompt": "x"}, "preview": {"every": 0}}, "every is a whole number of steps from 1 on"),
        ({"inputs": {"prompt": "x"}, "preview": {"a": 0}}, 'preview is true, false, or {"every": steps, "size": pixels}'),
        ({"inputs": {"prompt": "x"}, "from": {"run": 1}}, 'from is {"run": id, "at_step": step}'),
        ({"inputs": {"prompt": "x", "generator": 1}}, "'generator' is none of the inputs that are given as JSON. Give a seed"),
    ],
)  # fmt: skip
def test_a_request_that_does_not_fit_is_refused_in_words(client: Client, body: dict[str, Any], said: str) -> None:
    answer = client.post("/api/runs", body)
    assert answer.status == 422
    assert said in answer.error["message"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[1", "cannot be read"),
        (b"[1]", "holds no JSON object"),
        (b"\xff", "no text in UTF-8"),
        (b'{"inputs": {"a": 1, "a": 2}}', "twice"),
        (b'{"inputs": ' + b"[" * 30 + b"]" * 30 + b"}", "nested deeper than 12 levels"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(client: Client, body: bytes, said: str) -> None:
    answer = client.post("/api/runs", body)
    assert answer.status == 400
    assert said in answer.error["message"]


def test_a_workflow_that_is_not_served_is_not_found(client: Client) -> None:
    answer = client.post("/api/runs", {"workflow": "embeded", "inputs": {}})
    assert answer.status == 404
    assert answer.error["message"] == "There is no workflow 'embeded'. Did you mean 'embedded'?"


def test_a_cancel_ends_one_run_and_no_other(client: Client, few: dict[str, Any]) -> None:
    first, second = client.asked(LONG), client.asked(LONG)
    assert any(event.kind == "step" for event in client.events(first))
    answer = client.ask("DELETE", f"/api/runs/{first}")
    assert answer.status in (200, 202)
    assert client.ended(first)["status"] == "cancelled"
    assert client.get(f"/api/runs/{second}").data["status"] in ("queued", "running")
    client.ask("DELETE", f"/api/runs/{second}")
    assert client.ended(second)["status"] == "cancelled"
    assert client.ask("DELETE", f"/api/runs/{first}").status == 200


def _busy(served: Served, client: Client) -> list[str]:
    """Let both workers of the server be busy."""
    found = [client.asked(LONG) for _ in range(2)]
    until = time.monotonic() + 20
    while len(served.service.queue.going) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    return found


def test_a_full_queue_answers_429_with_when_to_try_again(served: Served, client: Client) -> None:
    ids = _busy(served, client)
    try:
        answers = [
            client.post("/api/runs", {"inputs": {"prompt": "a cat", "num_inference_steps": 2}}) for _ in range(9)
        ]
        assert [answer.status for answer in answers] == [202] * 6 + [429] * 3
        assert [answer.data["position"] for answer in answers[:6]] == list(range(6))
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert answers[-1].error["type"] == "QueueFullError"
        queue = client.get("/api/queue").data
        assert (len(queue["waiting"]), len(queue["running"]), queue["size"], queue["workers"]) == (6, 2, 6, 2)
        assert client.get("/api/runs/" + answers[5].data["id"]).data["position"] == 5
        waiting = answers[5].data["id"]
        answer = client.ask("DELETE", f"/api/runs/{waiting}")
        assert (answer.status, answer.data["status"]) == (200, "cancelled")
        assert [event.kind for event in client.events(waiting)] == ["queued", "cancelled"]
        ids += [answer.data["id"] for answer in answers[:5]]
    finally:
        for each in ids:
            client.ask("DELETE", f"/api/runs/{each}")
    assert {client.ended(each)["status"] for each in ids} == {"cancelled"}


def test_a_sweep_is_taken_whole_or_not_at_all(served: Served, client: Client) -> None:
    ids = _busy(served, client)
    try:
        more = [client.asked({"prompt": "x", "num_inference_steps": 2}) for _ in range(3)]
        body = {"axes": {"seed": [1, 2, 3, 4]}, "inputs": {"prompt": "x", "num_inference_steps": 2}}
        assert client.post("/api/sweeps", body).status == 429
        assert len(client.get("/api/queue").data["waiting"]) == 3
        ids += more
    finally:
        for each in ids:
            client.ask("DELETE", f"/api/runs/{each}")
        for each in ids:
            client.ended(each)


def test_a_run_that_takes_more_work_than_there_may_be_is_refused_with_the_largest(client: Client) -> None:
    answer = client.post(
        "/api/runs", {"inputs": {"prompt": "x", "num_inference_steps": 1000, "height": 2048, "width": 2048}}
    )
    assert answer.status == 413
    assert answer.error["largest"]["work"] < 1000 * 2048 * 2048


def test_a_run_that_takes_more_memory_than_there_is_is_refused_with_the_largest(served: Served, client: Client) -> None:
    queue = served.service.queue
    memory, queue.memory = queue.memory, 80 << 20
    try:
        answer = client.post("/api/runs", {"inputs": {"prompt": "x", "height": 512, "width": 512}})
    finally:
        queue.memory = memory
    assert answer.status == 413
    assert answer.error["largest"] == {"pixels": 4096}
    assert answer.error["message"].endswith("The largest has 4,096 pixels in all, such as one image of 64x64.")


def test_runs_are_listed_with_the_last_one_first(client: Client, apple: Any, few: dict[str, Any]) -> None:
    later = client.run(few, seed=5)
    listed = client.get("/api/runs?limit=2").data
    assert listed[0]["id"] == later["id"]
    before = client.get(f"/api/runs?before={later['id']}&limit=200").data
    assert later["id"] not in [run["id"] for run in before]
    assert apple["id"] in [run["id"] for run in before]
    assert client.get("/api/runs?limit=0").status == 422
    assert client.get("/api/runs?before=none").status == 404


def test_a_seed_is_drawn_where_none_is_given_and_told(client: Client, few: dict[str, Any]) -> None:
    run = client.run(few)
    assert isinstance(run["inputs"]["seed"], int)
    again = client.run(run["inputs"])
    assert image_of(client, again).tobytes() == image_of(client, run).tobytes()


def test_a_guider_is_given_by_name_and_settings(client: Client, few: dict[str, Any]) -> None:
    plain = client.run(few, seed=1)
    guided = client.run({**few, "guider": {"name": "ClassifierFreeGuidance", "guidance_scale": 1.5}}, seed=1)
    assert guided["status"] == "finished"
    assert image_of(client, guided).tobytes() != image_of(client, plain).tobytes()
    answer = client.post("/api/runs", {"inputs": {**few, "guider": "ClassifierFree"}})
    assert (answer.status, answer.error["faults"][0]["input"]) == (422, "guider")
    assert "Did you mean 'ClassifierFreeGuidance'?" in answer.error["message"]


def test_a_scheduler_is_given_by_name_and_told_and_a_replay_has_it_too(client: Client, few: dict[str, Any]) -> None:
    about = client.get("/api/workflows/embedded").data["scheduler"]
    names = {each["name"]: each for each in about["names"]}
    assert (about["class"], names["euler"]["selected"]) == ("EulerDiscreteScheduler", True)
    assert names["dpmpp_2m_karras"]["settings"]["use_karras_sigmas"] is True
    run = client.run(few, seed=7, scheduler="ddim")
    assert run["scheduler"] == "ddim"
    assert run["outputs"][0]["sha256"] != client.run(few, seed=7)["outputs"][0]["sha256"]
    assert b"DDIMScheduler" in client.get(f"/api/runs/{run['id']}/workflow.yaml").body
    again = client.ended(client.post(f"/api/runs/{run['id']}/replay", {}).data["id"])
    assert (again["scheduler"], again["verdict"]["same"]) == ("ddim", True)
    sweep = client.post("/api/sweeps", {"axes": {"seed": [7]}, "inputs": few, "scheduler": "ddim"}).data
    assert client.ended(sweep["runs"][0]["id"])["outputs"][0]["sha256"] == run["outputs"][0]["sha256"]
    wrong = client.post("/api/runs", {"inputs": few, "scheduler": "eulr"})
    (fault,) = wrong.data["error"]["faults"]
    assert (wrong.status, fault["input"]) == (422, "scheduler")
    assert "'eulr' is no scheduler. Did you mean 'euler'" in fault["text"]


def test_an_error_of_a_block_is_told_without_its_words(
    served: Served,
    client: Client,
    few: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    words = " ".join(["secret", "of", "/etc/passwd"])

    def fails(*_: object, **__: object) -> None:
        raise ValueError(words)

    monkeypatch.setattr("brickwork.app.server.run_work.RunWork._computed", fails)
    run = client.run(few, seed=1)
    assert run["status"] == "failed"
    assert run["error"]["type"] == "ServerError"
    assert words not in str(run)
    identifier = run["error"]["message"].rpartition(" ")[2].rstrip(".")
    assert f"Error {identifier}: ValueError" in caplog.text
    assert words not in caplog.text


def test_memory_that_ran_out_is_said(client: Client, few: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise MemoryError

    def counted() -> float:
        lines = client.get("/metrics").body.decode().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("brickwork_out_of_memory_total "))

    before = counted()
    monkeypatch.setattr("brickwork.app.server.run_work.RunWork._computed", fails)
    run = client.run(few, seed=1)
    assert run["error"]["type"] == "OutOfMemoryError"
    assert run["error"]["message"].startswith("Memory ran out.")
    assert counted() == before + 1


def test_runs_beside_each_other_share_forwards(served: Served, client: Client) -> None:
    before = sum(
        count for calls, count in served.service.workflow("embedded").pipe.settings.merge.forwards.items() if calls > 1
    )
    inputs = {"prompt": "a cat", "num_inference_steps": 30}
    threads = [threading.Thread(target=client.run, args=(inputs,), kwargs={"seed": seed}) for seed in (11, 12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    forwards = served.service.workflow("embedded").pipe.settings.merge.forwards
    assert sum(count for calls, count in forwards.items() if calls > 1) > before
    assert 'brickwork_forwards_total{runs="2"}' in client.get("/metrics").body.decode()
