"""What a server says of its workflows, of itself, and of what can be composed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from served import Client, Served, is_same

from brickwork.app.server.composed_workflows import ComposedWorkflows
from brickwork.app.server.compositions import Compositions
from brickwork.app.server.page import page_routes
from brickwork.app.server.served_workflow import ServedWorkflow
from brickwork.app.server.service import Service
from brickwork.app.server.settings import ServerSettings


def test_workflows_are_listed(client: Client) -> None:
    first, second = client.get("/api/workflows").data
    assert (first["id"], first["title"], first["loaded"]) == ("embedded", "The embedded model", True)
    assert "default" in first["workflows"]
    assert second["id"] == "painting"


def test_a_workflow_is_described_for_a_form_and_a_drawing(client: Client) -> None:
    found = client.get("/api/workflows/embedded").data
    inputs = found["inputs"]
    jsonschema.Draft202012Validator.check_schema(inputs)
    assert (inputs["required"], inputs["anyOf"][0]["required"]) == ([], ["prompt"])
    assert "seed" in inputs["properties"]
    assert "generator" not in inputs["properties"]
    assert found["output"] == "images"
    assert "images" in [each["name"] for each in found["outputs"]]
    denoiser = next(
        each
        for part in found["blocks"]["blocks"]
        for each in part.get("blocks", ())
        if each["path"] == "denoise.denoiser"
    )
    assert denoiser["class"] == "PredictNoise"
    assert {"name", "type", "description", "required"} == set(denoiser["inputs"][0])
    assert "unet" in [each["name"] for each in found["components"]]
    assert all(each["loaded"] for each in found["components"] if each["name"] == "unet")
    assert found["graph"]["svg"].startswith("<svg")
    assert "decode" in [node["path"] for node in found["graph"]["nodes"]]
    guider = next(each for each in found["guiders"] if each["name"] == "ClassifierFreeGuidance")
    assert (guider["selected"], guider["schema"]["properties"]["guidance_scale"]["default"]) == (True, 5.0)
    assert found["code"] == "pipe(prompt=..., seed=1, output='images')"


def test_one_of_the_workflows_is_described_by_name(client: Client) -> None:
    found = client.get("/api/workflows/embedded?workflow=prompt_embeds").data
    assert set(found["inputs"]["required"]) >= {"prompt_embeds"}
    answer = client.get("/api/workflows/embedded?workflow=none")
    assert answer.status == 422
    assert client.get("/api/workflows/none").status == 404


def test_a_check_names_the_workflow_and_the_plan(client: Client) -> None:
    found = client.post("/api/workflows/embedded/check", {"inputs": {"prompt": "x"}}).data
    assert (found["faults"], found["workflow"]) == ([], "default")
    decode = next(row for row in found["plan"] if row["path"] == "decode")
    assert decode["uses"] == ["vae", "image_processor"]
    assert decode["writes"] == ["images"]
    assert found["bytes"] > 10**6
    assert any("prompt_embeds not given" in text for text in found["skipped"].values())
    assert found["remarks"][0].startswith("'x': the embedded model does not know 'x'.")


def test_a_check_shows_the_plan_also_while_inputs_are_missing(client: Client) -> None:
    found = client.post("/api/workflows/embedded/check", {"inputs": {"height": 65}}).data
    assert any("needs 'prompt'" in fault["text"] for fault in found["faults"])
    assert [row["path"] for row in found["plan"]][-1] == "decode"
    assert client.post("/api/workflows/none/check", {}).status == 404


def test_what_is_given_chooses_the_plan(client: Client) -> None:
    name = client.post("/api/files", _png()).data["file"]
    paths = [
        {row["path"] for row in client.post("/api/workflows/painting/check", {"inputs": inputs}).data["plan"]}
        for inputs in ({"prompt": "x"}, {"prompt": "x", "image": {"$file": name}})
    ]
    assert paths[0] != paths[1]


def _png() -> bytes:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, "PNG")
    return buffer.getvalue()


def test_health_and_readiness_are_told(served: Served, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/healthz").data == {"ok": True}
    assert client.get("/readyz").data == {"ready": True, "workflows": {"embedded": True, "painting": True}}
    monkeypatch.setitem(served.service.workflow("painting").pipe.components, "unet", None)
    answer = client.get("/readyz")
    assert (answer.status, answer.data["workflows"]) == (503, {"embedded": True, "painting": False})


def test_what_is_counted_is_told(client: Client, apple: Any) -> None:
    text = client.get("/metrics").body.decode()
    for name in (
        'brickwork_runs_total{end="finished",workflow="embedded"}',
        'brickwork_run_seconds_count{workflow="embedded"}',
        'brickwork_block_seconds_count{block="decode",workflow="embedded"}',
        'brickwork_step_seconds_count{workflow="embedded"}',
        'brickwork_forwards_total{runs="1"}',
        "brickwork_queue_length ",
        "brickwork_queue_age_seconds ",
        "brickwork_preview_drops_total ",
        "brickwork_out_of_memory_total ",
    ):
        assert name in text


def test_the_description_has_every_endpoint(client: Client) -> None:
    from brickwork.app.server.application import ENDPOINTS

    found = client.get("/api/openapi.json").data
    assert found["openapi"] == "3.1.0"
    asked = {(method.upper(), path) for path, methods in found["paths"].items() for method in methods}
    assert asked == {(each.method, re.sub(r":\w+}", "}", each.path)) for each in ENDPOINTS}
    identifiers = [each["operationId"] for methods in found["paths"].values() for each in methods.values()]
    assert len(set(identifiers)) == len(identifiers)
    assert all(each["summary"] for methods in found["paths"].values() for each in methods.values())
    schema = found["paths"]["/api/runs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    jsonschema.validate({"workflow": "embedded", "inputs": {}, "seed": 1, "preview": {"every": 2}}, schema)
    assert "inputs_of_painting" in found["components"]["schemas"]


def test_what_is_nowhere_is_said(client: Client) -> None:
    answer = client.get("/api/none")
    assert (answer.status, answer.error["message"]) == (404, "There is nothing at /api/none.")
    answer = client.ask("PUT", "/api/runs", {})
    assert (answer.status, answer.error["message"]) == (405, "PUT is nothing that can be asked there.")


def test_the_catalog_has_blocks_with_ports_and_guiders(client: Client) -> None:
    found = client.get("/api/catalog").data
    block = next(each for each in found["blocks"] if each["name"] == "PredictNoise")
    assert "noise_pred" in [port["name"] for port in block["outputs"]]
    assert block["description"]
    guider = next(each for each in found["guiders"] if each["name"] == "ClassifierFreeGuidance")
    assert guider["schema"]["properties"]["guidance_scale"]["default"] == 7.5


def test_a_composition_begins_with_a_served_workflow(client: Client) -> None:
    found = client.get("/api/workflows/embedded/composition").data
    assert found["data"]["start"] == "sdxl.text2image"
    looked = client.post("/api/compositions", {"data": found["data"]}).data
    assert (looked["faults"], looked["blocks"]["blocks"][-1]["path"]) == ([], "decode")
    assert looked["plan"][-1]["path"] == "decode"
    assert looked["graph"]["svg"].startswith("<svg")


def test_a_composition_is_the_one_that_python_makes(client: Client) -> None:
    import brickwork
    from brickwork.state.digest import digest_of

    edits = [{"replace": "denoise.denoiser", "with": "PredictNoise", "options": {"batching": "sequential"}}]
    found = client.post(
        "/api/compositions", {"data": {"brickwork": 1, "start": "sdxl.text2image", "edits": edits}}
    ).data
    blocks = brickwork.find_preset("sdxl.text2image")
    blocks.replace("denoise.denoiser", type(blocks["denoise.denoiser"])(batching="sequential"))
    assert found["digest"] == digest_of(blocks.init_pipeline().described())
    assert found["faults"] == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "the file must say 'brickwork: 1'"),
        ({"brickwork": 1, "start": "sdxl.text2imag"}, "Did you mean 'sdxl.text2image'?"),
        ({"brickwork": 1, "start": "sdxl.text2image", "edits": [{"remove": "decodee"}]}, "decodee"),
        ({"brickwork": 1, "start": "sdxl.text2image", "repo": "/etc"}, "repo: a composition has its components from a workflow that is served"),
        ({"brickwork": 1, "start": "sdxl.text2image", "components": {"vae": "owner/name"}}, "components: a composition has its components"),
        ({"brickwork": 1, "start": "sdxl.text2image", "loras": [{"repo": "x"}]}, "loras: a composition has its components"),
    ],
)  # fmt: skip
def test_faults_of_a_composition_are_told(client: Client, data: dict[str, Any], said: str) -> None:
    answer = client.post("/api/compositions", {"data": data})
    assert answer.status == 200
    assert any(said in fault for fault in answer.data["faults"])


def test_a_composition_is_saved_as_a_workflow_file(served: Served, client: Client) -> None:
    data = {"brickwork": 1, "start": "sdxl.text2image", "repo": "embedded"}
    answer = client.post("/api/compositions", {"data": data, "save": "mine"})
    assert (answer.status, answer.data["saved"]) == (201, "mine")
    assert "mine" in client.get("/api/compositions").data
    assert client.get("/api/compositions/mine.yaml").body.decode() == answer.data["text"]
    assert answer.data["text"].startswith("brickwork: 1\nstart: sdxl.text2image\n")
    state = served.service.settings.state
    assert state is not None
    assert (state / "workflows" / "mine.yaml").is_file()


@pytest.mark.parametrize("name", ["", "../x", ".x", "a/b", "a" * 62, "a b"])
def test_a_name_that_is_none_is_refused(client: Client, name: str) -> None:
    data = {"brickwork": 1, "start": "sdxl.text2image"}
    answer = client.post("/api/compositions", {"data": data, "save": name})
    assert (answer.status, "is no name of a composition" in answer.error["message"]) == (422, True)


def test_a_composition_with_faults_is_not_saved(client: Client) -> None:
    answer = client.post("/api/compositions", {"data": {"brickwork": 1, "start": "none"}, "save": "broken"})
    assert answer.status == 422
    assert "broken" not in client.get("/api/compositions").data
    assert client.get("/api/compositions/broken.yaml").status == 404


def test_a_server_without_a_state_folder_saves_nothing() -> None:
    found = Compositions({}, None)
    with pytest.raises(Exception, match="started without --state"):
        found.save("x", {})
    assert found.saved() == []


def test_without_a_page_there_is_a_hint(tmp_path: Path) -> None:
    (route,) = page_routes(tmp_path)
    assert getattr(route, "path", "") == "/"


def test_files_of_the_page_have_their_types_and_are_asked_for_once(tmp_path: Path) -> None:
    from starlette.applications import Starlette
    from starlette.testclient import TestClient

    (tmp_path / "index.html").write_text("<p>here")
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor" / "a.mjs").write_text("export {}")
    (tmp_path.parent / "secret.txt").write_text("secret")
    client = TestClient(Starlette(routes=page_routes(tmp_path)))
    assert client.get("/").text == "<p>here"
    found = client.get("/vendor/a.mjs")
    assert found.headers["content-type"] == "text/javascript; charset=utf-8"
    assert client.get("/vendor/a.mjs", headers={"If-None-Match": found.headers["etag"]}).status_code == 304
    assert client.get("/../secret.txt").status_code == 404
    assert client.get("/%2e%2e/secret.txt").status_code == 404


@pytest.fixture
def composing(workflow: ServedWorkflow, tmp_path: Path) -> Iterator[Callable[[], Service]]:
    """Starts services with one folder, each after the one before has stopped."""
    made: list[Service] = []

    def start() -> Service:
        for each in made:
            each.stop(0)
        made.clear()
        made.append(Service([workflow], ServerSettings(workers=1, state=tmp_path)))
        return made[-1]

    yield start
    for each in made:
        each.stop(0)


def test_a_composition_is_run_with_the_components_of_its_workflow_and_is_there_after_a_restart(
    composing: Callable[[], Service], few: dict[str, object]
) -> None:
    service = composing()
    assert isinstance(service.composed, ComposedWorkflows)
    own = service.workflow("embedded")
    data = service.compositions.of_workflow(own)
    edits = [{"replace": "decode", "with": "DecodeCircular"}]
    same = service.composed.serve("same", data, "embedded")
    circular = service.composed.serve("circular", {**data, "edits": edits}, "embedded")
    again = service.composed.serve("again", service.compositions.of_workflow(circular), "circular")
    assert same.pipe.components["unet"] is circular.pipe.components["unet"] is own.pipe.components["unet"]
    restarted = composing()
    assert list(restarted.workflows) == ["embedded", "same", "circular", "again"]
    kept = restarted.workflow("again")
    assert [type(each.pipe.blocks["decode"]).__name__ for each in (same, circular, again, kept)] == [
        "SDXLDecode", *["SDXLDecodeCircular"] * 3
    ]  # fmt: skip
    drawn = [each.pipe(**few, seed=1, output="images")[0] for each in (own, same, kept)]
    # The circular decoder differs at the border only, where this image is white.
    assert is_same(drawn[0], drawn[1])
    assert is_same(drawn[0], drawn[2])


def test_a_composition_that_cannot_be_served_again_is_said_in_the_log(
    composing: Callable[[], Service], caplog: pytest.LogCaptureFixture
) -> None:
    service = composing()
    service.composed.serve("gone", service.compositions.of_workflow(service.workflow("embedded")), "embedded")
    (service.folder / "workflows" / "gone.yaml").write_text("brickwork: 1\nstart: sdxl.text2imag\n")
    assert list(composing().workflows) == ["embedded"]
    assert "The composition gone is not served any more: " in caplog.text


START = {"brickwork": 1, "start": "sdxl.text2image"}
SAFE = [{"insert": "check_safety", "block": "CheckSafety", "after": "decode"}]


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({"name": "a b", "data": START, "of": "embedded"}, 422, "'a b' is no name of a composition"),
        ({"name": "painting", "data": START, "of": "embedded"}, 422, "There is a workflow 'painting' already; 'painting-2' is free."),
        ({"name": "x", "data": START, "of": "embeded"}, 404, "Did you mean 'embedded'?"),
        ({"name": "x", "data": {**START, "start": "none"}, "of": "embedded"}, 422, "No preset is named 'none'."),
        ({"name": "x", "data": {**START, "repo": "/etc"}, "of": "embedded"}, 422, "repo: a composition has its components from a workflow"),
        ({"name": "x", "data": {**START, "edits": SAFE}, "of": "embedded"}, 422, "safety_checker (StableDiffusionSafetyChecker): embedded has no such component. It has "),
        ({"name": "x", "data": {**START, "start": "flux.text2image"}, "of": "embedded"}, 422, "The components of embedded do not fit the composition"),
    ],
)  # fmt: skip
def test_a_composition_that_cannot_be_run_says_why(
    client: Client, asked: dict[str, Any], status: int, said: str
) -> None:
    answer = client.post("/api/workflows", asked)
    assert (answer.status, said in json.dumps(answer.data, ensure_ascii=False)) == (status, True), answer.data
    assert client.get("/api/workflows/x").status == 404
