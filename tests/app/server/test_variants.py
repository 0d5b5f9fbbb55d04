"""Runs that are made from others: replays, variants, sweeps; and how a run was made."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from PIL import Image
from served import Client, Served

import brickwork
from brickwork import ModularPipeline


@pytest.fixture(scope="module")
def pear(served: Served) -> Any:
    """A run of one image, six steps."""
    return served.client().run({"prompt": "a pear", "num_inference_steps": 6}, seed=3)


def image_of(client: Client, run: Any) -> Image.Image:
    return Image.open(io.BytesIO(client.get(run["outputs"][0]["url"]).body))


def test_a_replay_says_that_it_is_the_same(client: Client, pear: Any) -> None:
    answer = client.post(f"/api/runs/{pear['id']}/replay")
    assert answer.status == 202
    run = client.ended(answer.data["id"])
    assert (run["sort"], run["of"], run["verdict"]) == (
        "replay",
        pear["id"],
        {"same": True, "others": [], "differs": []},
    )
    assert image_of(client, run).tobytes() == image_of(client, pear).tobytes()
    assert list(client.events(run["id"]))[-1].data["verdict"]["same"] is True


def test_a_replay_computes_what_the_cache_knows(client: Client, pear: Any) -> None:
    client.run({"prompt": "a pear", "num_inference_steps": 6}, seed=3)
    run = client.ended(client.post(f"/api/runs/{pear['id']}/replay").data["id"])
    kinds = [event.kind for event in client.events(run["id"])]
    assert (kinds.count("cache"), kinds.count("step")) == (0, 6)


def test_a_replay_that_gives_something_else_says_what(served: Served, client: Client, pear: Any) -> None:
    pipe = served.service.workflow("embedded").pipe
    guider = pipe.guider
    pipe.update_components(guider=brickwork.ClassifierFreeGuidance(guidance_scale=2.0))
    try:
        run = client.ended(client.post(f"/api/runs/{pear['id']}/replay").data["id"])
    finally:
        pipe.update_components(guider=guider)
    assert run["verdict"] == {"same": False, "others": ["images"], "differs": ["guider.guidance_scale: 5.0, and 2.0"]}


def test_what_cannot_be_made_again_is_refused(client: Client, pear: Any) -> None:
    replay = client.post(f"/api/runs/{pear['id']}/replay").data["id"]
    client.ended(replay)
    assert (
        f"is a replay itself; ask for the run {pear['id']}"
        in client.post(f"/api/runs/{replay}/replay").error["message"]
    )
    gone = client.asked({"prompt": "x", "num_inference_steps": 900})
    client.ask("DELETE", f"/api/runs/{gone}")
    client.ended(gone)
    assert (
        f"{gone} is cancelled; only what is finished is made again."
        in client.post(f"/api/runs/{gone}/replay").error["message"]
    )
    assert client.post("/api/runs/none/replay").status == 404


def test_a_variant_shares_the_steps_before_one(client: Client, pear: Any, embedded_pipe: ModularPipeline) -> None:
    answer = client.post(f"/api/runs/{pear['id']}/branch", {"at_step": 3, "inputs": {"prompt": "a lemon"}})
    assert answer.status == 202
    run = client.ended(answer.data["id"])
    assert (run["status"], run["sort"], run["of"], run["at_step"], run["changes"]) == (
        "finished",
        "branch",
        pear["id"],
        3,
        {"prompt": "a lemon"},
    )
    state = embedded_pipe(prompt="a pear", num_inference_steps=6, seed=3)
    wanted = embedded_pipe.branch(state, 3, prompt="a lemon").images[0]
    assert image_of(client, run).tobytes() == wanted.tobytes()
    kinds = [event.kind for event in client.events(run["id"])]
    assert kinds.count("started") == 1
    known = [event.data["kind"] for event in client.events(run["id"]) if event.kind == "cache"]
    # The steps before are known from the run, and not computed again.
    assert known.count("iteration") == 3
    again = client.post("/api/runs", {"from": {"run": pear["id"], "at_step": 3}, "inputs": {"prompt": "a lemon"}})
    assert client.ended(again.data["id"])["outputs"][0]["sha256"] == run["outputs"][0]["sha256"]


def test_a_variant_of_a_run_with_its_own_guider_has_it_too(client: Client, embedded_pipe: ModularPipeline) -> None:
    weak = {"name": "ClassifierFreeGuidance", "guidance_scale": 1.5}
    guided = client.run({"prompt": "a pear", "num_inference_steps": 6, "guider": weak}, seed=3)
    body = {"at_step": 3, "inputs": {"prompt": "a lemon"}}
    run = client.ended(client.post(f"/api/runs/{guided['id']}/branch", body).data["id"])
    guider = brickwork.ClassifierFreeGuidance(guidance_scale=1.5)
    state = embedded_pipe(prompt="a pear", num_inference_steps=6, seed=3, guider=guider)
    assert image_of(client, guided).tobytes() == state.images[0].tobytes()
    variant = embedded_pipe.branch(state, 3, prompt="a lemon")
    assert image_of(client, run).tobytes() == variant.images[0].tobytes()
    assert client.get(f"/api/runs/{run['id']}/recipe").data["results"] == variant.recipe["results"]


def test_a_variant_with_another_guider_can_be_made_again(client: Client, pear: Any) -> None:
    body = {"at_step": 3, "inputs": {"guider": {"name": "ClassifierFreeGuidance", "guidance_scale": 1.5}}}
    run = client.ended(client.post(f"/api/runs/{pear['id']}/branch", body).data["id"])
    answer = client.post(f"/api/runs/{run['id']}/replay")
    assert answer.status == 202, answer.data
    assert client.ended(answer.data["id"])["verdict"] == {"same": True, "others": [], "differs": []}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"inputs": {"prompt": "x"}}, "at_step is missing"),
        ({"at_step": 0, "inputs": {"prompt": "x"}}, "at_step is a whole number from 1 on"),
        ({"at_step": 3}, "A variant needs an input that differs from the run's"),
        ({"at_step": 3, "inputs": {"promt": "x"}}, "Did you mean 'prompt'?"),
        ({"at_step": 3, "inputs": {"height": 128}}, "height would be 128, and is 64 in the steps that are shared"),
        ({"at_step": 3, "inputs": {"num_inference_steps": 9}}, "num_inference_steps would be 9, and is 6"),
        ({"at_step": 3, "inputs": {"prompt": "x"}, "loop": "no"}, "This run has no loop 'no'."),
    ],
)  # fmt: skip
def test_a_variant_that_does_not_fit_is_refused(client: Client, pear: Any, body: dict[str, Any], said: str) -> None:
    answer = client.post(f"/api/runs/{pear['id']}/branch", body)
    assert answer.status == 422
    assert said in answer.error["message"]


def test_a_variant_is_made_of_a_plain_run(client: Client, pear: Any) -> None:
    replay = client.post(f"/api/runs/{pear['id']}/replay").data["id"]
    body = {"at_step": 1, "inputs": {"prompt": "x"}}
    assert f"and {replay} is a replay itself" in client.post(f"/api/runs/{replay}/branch", body).error["message"]


@pytest.mark.parametrize("at_step", [7, 2**70])
def test_a_step_that_the_run_does_not_have_is_refused_in_words(client: Client, pear: Any, at_step: int) -> None:
    answer = client.post(f"/api/runs/{pear['id']}/branch", {"at_step": at_step, "seed": 4})
    said = f"at_step is {at_step}, and denoise took 6 steps. It is from 1 to 6, the first step that may differ, counted from 0."
    assert (answer.status, answer.error["message"]) == (422, said)
    assert answer.error["faults"] == [{"input": "at_step", "text": said}]


def test_a_sweep_is_a_run_for_each_combination(client: Client) -> None:
    body = {
        "axes": {"guidance_scale": [1.0, 3.0], "num_inference_steps": [2, 3]},
        "inputs": {"prompt": "a dog"},
        "seed": 7,
    }
    answer = client.post("/api/sweeps", body)
    assert answer.status == 202
    points = [run["point"] for run in answer.data["runs"]]
    assert points == [{"guidance_scale": g, "num_inference_steps": n} for g in (1.0, 3.0) for n in (2, 3)]
    runs = [client.ended(run["id"]) for run in answer.data["runs"]]
    assert {run["status"] for run in runs} == {"finished"}
    assert {run["inputs"]["seed"] for run in runs} == {7}
    assert {(run["priority"], run["sweep"]) for run in runs} == {("batch", answer.data["id"])}
    # The prompt is encoded once, or by two that go beside each other.
    hits = [event.data["path"] for run in runs for event in client.events(run["id"]) if event.kind == "cache"]
    assert hits.count("text_encoder.positive.encode") >= 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"inputs": {"prompt": "x"}}, "axes is missing"),
        ({"axes": {}, "inputs": {"prompt": "x"}}, "It has no axis."),
        ({"axes": {"seed": []}, "inputs": {"prompt": "x"}}, "seed is an axis, and so a list with one value or more."),
        ({"axes": {"seed": [1]}, "seed": 2, "inputs": {"prompt": "x"}}, "seed is given as an axis and as an input."),
        ({"axes": {"prompt": ["x"]}, "inputs": {"prompt": "x"}}, "prompt is given as an axis and as an input."),
        ({"axes": {"seed": list(range(7))}, "inputs": {"prompt": "x"}}, "The sweep has 7 runs, and 6 may wait at once."),
        ({"axes": {"promt": ["x"]}}, "Did you mean 'prompt'?"),
    ],
)  # fmt: skip
def test_a_sweep_that_does_not_fit_is_refused(client: Client, body: dict[str, Any], said: str) -> None:
    answer = client.post("/api/sweeps", body)
    assert answer.status == 422
    assert said in answer.error["message"]


def test_the_recipe_of_a_run_is_told(client: Client, pear: Any) -> None:
    recipe = client.get(f"/api/runs/{pear['id']}/recipe").data
    assert recipe["inputs"]["prompt"]["value"] == "a pear"
    assert recipe["generators"]["generator"][0]["seed"] == 3


def test_a_run_is_told_as_a_file_as_python_and_as_a_command_line(client: Client, pear: Any) -> None:
    place = f"/api/runs/{pear['id']}"
    workflow, python, shell = (client.get(f"{place}/{form}") for form in ("workflow.yaml", "python", "shell"))
    assert b"start: sdxl.text2image" in workflow.body
    assert b"prompt: a pear" in workflow.body
    assert b"images = pipe(" in python.body
    assert b"seed=3" in python.body
    assert shell.body.startswith(b"brickwork run sdxl.text2image --repo embedded")
    assert [each.headers["content-type"] for each in (workflow, python, shell)] == [
        "application/yaml", "text/x-python; charset=utf-8", "text/plain; charset=utf-8",
    ]  # fmt: skip


def test_a_variant_is_in_no_file(client: Client, pear: Any) -> None:
    run = client.ended(client.post(f"/api/runs/{pear['id']}/branch", {"at_step": 3, "seed": 4}).data["id"])
    said = "shares its first steps with another run, which no file says: a replay repeats it."
    assert said in client.get(f"/api/runs/{run['id']}/python").error["message"]
    forms = client.get(f"/api/runs/{run['id']}/forms").data
    assert [(form["text"], said in form["fault"]) for form in forms.values()] == [(None, True)] * 3


def test_all_forms_of_a_run_are_told_at_once_with_why_there_is_none(client: Client) -> None:
    run = client.run({"prompt": "a pear", "num_inference_steps": 1}, seed=3, output=["images", "latents"])
    place = f"/api/runs/{run['id']}"
    forms = client.get(f"{place}/forms").data
    assert list(forms) == ["workflow.yaml", "python", "shell"]
    for form in ("workflow.yaml", "python"):
        assert forms[form] == {"text": client.get(f"{place}/{form}").body.decode(), "fault": None}
    said = "The run gave several values, which only a file says: the workflow file."
    assert forms["shell"] == {"text": None, "fault": said}
    refused = client.get(f"{place}/shell")
    assert (refused.status, refused.error["message"]) == (422, said)
    assert client.get("/api/runs/none/forms").status == 404


def test_a_run_that_cannot_be_put_together_again_says_why_without_naming_folders(
    served: Served, client: Client
) -> None:
    run = client.run({"prompt": "a pear", "num_inference_steps": 1}, seed=12)
    file = served.service.jobs.get(run["id"]).recipe
    data = json.loads(file.read_text())
    file.write_text(json.dumps({**data, "process": {"replaced": ["torch.nn.functional.silu=0"]}}))
    refused = client.get(f"/api/runs/{run['id']}/workflow.yaml")
    assert refused.status == 422
    assert refused.error["message"].startswith(f"Something is not as it was when the run {run['id']} was made")
    assert "torch.nn.functional.silu: replaced (0), and as in its library now" in refused.error["message"]
    assert client.get(f"/api/runs/{run['id']}/forms").data["python"]["fault"] == refused.error["message"]
    parts = data["composition"]["blocks"]
    first = next(iter(parts))
    blocks = {**parts, first: {**parts[first], "block": "NoSuchBlock"}}
    file.write_text(json.dumps({**data, "composition": {**data["composition"], "blocks": blocks}}))
    message = client.get(f"/api/runs/{run['id']}/workflow.yaml").error["message"]
    assert message.startswith(f"The pipeline of the run {run['id']} cannot be put together")
    file.write_text("{")
    assert "cannot be read any more" in client.get(f"/api/runs/{run['id']}/forms").data["shell"]["fault"]


def test_two_runs_are_compared_in_words(client: Client, pear: Any, apple: Any) -> None:
    found = client.get(f"/api/diff?a={pear['id']}&b={apple['id']}").data
    assert found["same"] is False
    assert "prompt: 'a pear', and 'a red apple'" in found["differences"]
    assert found["text"].splitlines() == found["differences"]
    assert client.get(f"/api/diff?a={pear['id']}&b={pear['id']}").data["same"] is True
    assert client.get(f"/api/diff?a={pear['id']}").error["message"] == "Two runs are compared: ?a=ID&b=ID."


def test_a_run_that_was_cancelled_has_no_recipe(client: Client) -> None:
    gone = client.asked({"prompt": "x", "num_inference_steps": 900})
    client.ask("DELETE", f"/api/runs/{gone}")
    client.ended(gone)
    assert client.get(f"/api/runs/{gone}/recipe").error["message"] == f"The run {gone} is cancelled, and has no recipe."


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"recipe": 1}', '{"recipe": 99}', None])
def test_a_recipe_that_was_spoilt_is_said_to_be_gone(
    served: Served, client: Client, pear: Any, text: str | None
) -> None:
    run = client.run({"prompt": "a pear", "num_inference_steps": 1}, seed=8)
    file = served.service.jobs.get(run["id"]).recipe
    file.unlink() if text is None else file.write_text(text)
    place = f"/api/runs/{run['id']}"
    answers = [client.get(f"{place}/{form}") for form in ("recipe", "workflow.yaml", "python", "shell")]
    answers += [client.post(f"{place}/replay"), client.get(f"/api/diff?a={pear['id']}&b={run['id']}")]
    for answer in answers:
        assert (answer.status, answer.error["type"]) == (410, "RecipeError")
        assert f"The recipe of the run {run['id']} cannot be read any more" in answer.error["message"]
    assert client.get(run["outputs"][0]["url"]).status == 200


def test_a_recipe_of_the_right_form_that_names_what_is_not_there_is_said_to_be_gone(
    served: Served, client: Client
) -> None:
    run = client.run({"prompt": "a pear", "num_inference_steps": 1}, seed=9)
    file = served.service.jobs.get(run["id"]).recipe
    file.write_text(json.dumps({**json.loads(file.read_text()), "composition": {"blocks": 3}}))
    assert client.get(f"/api/runs/{run['id']}/python").status == 410


def test_a_recipe_that_is_spoilt_while_a_replay_waits_fails_it_in_words(served: Served, client: Client) -> None:
    run = client.run({"prompt": "a pear", "num_inference_steps": 1}, seed=10)
    long = [client.asked({"prompt": "x", "num_inference_steps": 900}, seed=n) for n in range(2)]
    replay = client.post(f"/api/runs/{run['id']}/replay").data["id"]
    served.service.jobs.get(run["id"]).recipe.write_text("{")
    for each in long:
        client.ask("DELETE", f"/api/runs/{each}")
    ended = client.ended(replay)
    assert (ended["status"], ended["error"]["type"]) == ("failed", "RecipeError")


def test_an_output_that_is_gone_is_no_input_any_more(served: Served, client: Client) -> None:
    run = client.run({"prompt": "a pear", "num_inference_steps": 1}, seed=11)
    job = served.service.jobs.get(run["id"])
    (job.folder / job.outputs[0]["file"]).unlink()
    inputs = {"prompt": "x", "image": {"$run": run["id"]}}
    answer = client.post("/api/runs", {"workflow": "painting", "inputs": inputs})
    assert answer.status == 410
    assert f"The output images of the run {run['id']} is not kept any more" in answer.error["message"]


@pytest.fixture
def drawn(client: Client) -> dict[str, Any]:
    """A white image of the size that the model draws."""
    content = io.BytesIO()
    Image.new("RGB", (64, 64), "white").save(content, "PNG")
    return {"$file": client.post("/api/files", content.getvalue()).data["file"]}


def test_a_run_of_a_workflow_with_choices_gives_its_workflow_file(client: Client, drawn: dict[str, Any]) -> None:
    """The components of its other workflows, which there are not, are no components that are None on purpose."""
    inputs = {"prompt": "a pear", "num_inference_steps": 2, "strength": 0.9}
    for given in ({}, {"image": drawn}, {"image": drawn, "mask_image": drawn}):
        own = {name: value for name, value in inputs.items() if given or name != "strength"}
        run = client.run({**own, **given}, workflow="painting", seed=1)
        answer = client.get(f"/api/runs/{run['id']}/workflow.yaml")
        assert (answer.status, b"start: sdxl.auto" in answer.body) == (200, True), answer.body
        assert answer.body.count(b"is to be given again") == len(given)
