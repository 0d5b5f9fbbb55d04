"""What the server says is for people at a page, who cannot call functions of Python."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from served import Client, Served

import brickwork
from brickwork.app.server.errors import faults_of
from brickwork.app.server.served_workflow import ServedWorkflow
from brickwork.app.shared.words_for_people import ADVICE, OF_DIFFUSERS, for_people
from brickwork.pipeline.names_of_diffusers import INPUTS
from brickwork.state import InputError

_ROOMS = ("adapters", "app/shared", "blocks", "families", "guiders", "pipeline", "presets")
"""Whose errors and remarks a run meets."""
PYTHON = re.compile(
    r"\bpipe\.\w|\w\(\)|\(\.\.\.\)|\w=\.\.\.|\w=[,.;]?(?:\s|$)|\w\(\w+=|\w\((?:'|\"|\*)|\bbrickwork\.\w|attrs\.|torch\.[A-Z]|from_pretrained|load_components"
    r"|/(?:tmp|work|home|root|usr)\b"
)
"""Calls, arguments, modules, and folders of this machine."""


def _texts(code: str) -> Iterator[str]:
    """The texts of a module, with 0 for what is filled in."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(each.value) if isinstance(each, ast.Constant) else "0" for each in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_every_advice_that_is_put_in_other_words_is_one_that_is_given() -> None:
    folder = Path(brickwork.__file__).parent
    written = (path for room in _ROOMS for path in (folder / room).rglob("*.py") if path.name != "words_for_people.py")
    texts = "\n".join(text for path in written for text in _texts(path.read_text()))
    assert [pattern for pattern, _ in ADVICE if not re.search(pattern, texts)] == []


def test_every_name_of_diffusers_is_answered_without_python() -> None:
    assert [name for name in OF_DIFFUSERS if name not in INPUTS] == []
    said = {name: for_people(f"In place of {name}: {text}.") for name, text in INPUTS.items()}
    assert {name: text for name, text in said.items() if PYTHON.search(text)} == {}
    assert (
        said["guidance_rescale"]
        == "In place of guidance_rescale: guidance_rescale of the guider ClassifierFreeGuidance."
    )
    assert said["steps"] == "In place of steps: num_inference_steps."


ODD: list[Any] = [
    None,
    "",
    "(a:2",
    "a AND b",
    "/etc/passwd",
    -1,
    10**30,
    0.5,
    True,
    [1],
    ["a", "b"],
    {"a": 1},
    {"name": "SkipLayerGuidance"},
]
ODD += [
    {"name": "PerturbedAttentionGuidance", "perturbed_guidance_layers": ["x"]},
    {"$file": "sha256:00"},
    {"$run": "x"},
]


def told(client: Client, workflow: str, inputs: dict[str, Any]) -> Iterator[str]:
    """All texts that a check answers with."""
    answer = client.post(f"/api/workflows/{workflow}/check", {"inputs": inputs})
    assert answer.status == 200, answer.body
    yield from (fault["text"] for fault in answer.data["faults"])
    yield from answer.data.get("remarks", ())


@pytest.mark.parametrize("name_of_workflow", ["embedded", "painting"])
def test_no_fault_of_an_input_names_python_or_a_folder(served: Served, client: Client, name_of_workflow: str) -> None:
    pipe = served.service.workflow(name_of_workflow).pipe
    found = set()
    for name in dict.fromkeys([*INPUTS, *pipe.specs, "control_image", "ip_adapter_image", "zz"]):
        found |= set(told(client, name_of_workflow, {"prompt": "a pear", name: 1}))
    # Every kind of value many times, at another input each time.
    for number, name in enumerate(pipe.blocks.input_names):
        for value in (ODD[number % len(ODD)], ODD[(5 * number + 7) % len(ODD)]):
            found |= set(told(client, name_of_workflow, {"prompt": "a pear", name: value}))
    for name, value in ((name, value) for name in ("guider", "seed") for value in ODD):
        found |= set(told(client, name_of_workflow, {"prompt": "a pear", name: value}))
    assert len(found) > 80
    assert [text for text in sorted(found) if PYTHON.search(text)] == []


def test_no_fault_of_a_composition_names_python_or_a_folder(client: Client) -> None:
    own = client.get("/api/workflows/embedded/composition").data["data"]
    names = [each["name"] for each in client.get("/api/catalog").data["blocks"]]
    found: list[str] = []
    for number, name in enumerate(names[::12]):
        path = ("denoise", "decode", "text_encoder", "denoise.denoiser")[number % 4]
        edits = [*(own.get("edits") or []), {"replace": path, "with": name}]
        answer = client.post("/api/compositions", {"data": {**own, "edits": edits}})
        assert answer.status == 200, answer.body
        found += [*answer.data["faults"], *answer.data["warnings"]]
    assert len(found) > 5
    assert [text for text in found if PYTHON.search(text)] == []


def test_a_workflow_whose_models_are_missing_says_which_and_names_no_function() -> None:
    bare = ServedWorkflow("bare", "Without models", brickwork.find_preset("sdxl.text2image").init_pipeline())
    said = bare.checked({"prompt": "a pear"})["faults"]
    assert len(said) == 1
    assert re.fullmatch(
        r"bare has no [\w ]*unet[\w ]*, and no run without: they are given where the server is started\.",
        said[0]["text"],
    )
    assert said[0]["input"] is None


def test_what_is_for_the_log_alone_is_no_fault(served: Served, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = served.service.workflow("embedded").pipe

    def broken(*_: object) -> None:
        raise brickwork.ComponentError("vae in /work/secret is torn")

    monkeypatch.setattr(type(pipe), "prepare_run", broken)
    (text,) = told(client, "embedded", {"prompt": "a pear"})
    assert re.fullmatch(r"Something went wrong in the server; its log has it as [0-9a-f]{12}\.", text)


def test_a_guider_is_a_name_or_an_object_with_one(client: Client) -> None:
    said = 'A guider is its name, or an object of its "name" and its settings.'
    assert said in list(told(client, "embedded", {"prompt": "a pear", "guider": {"guidance_scale": 3}}))


def test_a_remark_of_an_unknown_word_names_no_function(client: Client) -> None:
    given = {"inputs": {"prompt": "a zyzzyva"}}
    (remark,) = client.post("/api/workflows/embedded/check", given).data["remarks"]
    assert "does not know 'zyzzyva'" in remark
    assert remark.endswith("`brickwork words` lists what it knows.")


def test_a_warning_of_a_run_names_no_function(client: Client) -> None:
    run = client.asked({"prompt": "a (pear:1.2)", "num_inference_steps": 1}, seed=1)
    warned = [event.data["text"] for event in client.events(run) if event.kind == "warning"]
    assert any("has '(pear:1.2)', which is read as text" in text for text in warned), warned
    assert not PYTHON.search(json.dumps(warned))


@pytest.mark.parametrize(
    ("python", "people"),
    [
        ("x is given: pipe.load_ip_adapter(...) first, or leave it out.", "x is given: leave it out."),
        ("Load them by pipe.load_lora_weights(...), and leave it out here.", "Leave it out; it is loaded where the server is started."),
        ("use EmbeddedGuidance(guidance_scale=...): pipe.update_components(guider='EmbeddedGuidance').", "use EmbeddedGuidance with its guidance_scale."),
        ("Take ClassifierFreeGuidance(enabled=False), or more.", "Take ClassifierFreeGuidance with enabled False, or more."),
        ("unet is one. Cast all: pipe.to(dtype=torch.float16), or load them in it: load_components(dtype=torch.float16).",
         "unet is one. They are cast where the server is started."),
        ("Write 2. The denoiser's layers by number: [layer.path for layer in pipe.family.layers(pipe.unet)].", "Write 2."),
    ],
)  # fmt: skip
def test_faults_and_messages_advise_what_can_be_done_without_python(python: str, people: str) -> None:
    assert for_people(python) == people
    assert [fault["text"] for fault in faults_of(InputError(python))] == [people]
    assert not PYTHON.search(people)
