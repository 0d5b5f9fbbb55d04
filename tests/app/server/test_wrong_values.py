"""Values of a wrong kind, on each of the interfaces: refused in its form, which names the input, before anything is queued."""

from __future__ import annotations

import json
from typing import Any

import pytest
from served import Client

ENDLESS = 10**350
"""Read as a number, and larger than any float."""
OURS: tuple[tuple[str, Any], ...] = (
    ("num_inference_steps", "ten"), ("num_inference_steps", [1]), ("num_inference_steps", True), ("num_inference_steps", 1.5),
    ("num_inference_steps", -1), ("guidance_scale", "x"), ("guidance_scale", {}), ("guidance_scale", ENDLESS), ("seed", "x"), ("seed", -1),
    ("seed", 2**70), ("width", [1]), ("width", True), ("height", "x"), ("num_images_per_prompt", "x"), ("prompt", 3), ("negative_prompt", 4),
    ("latents", "x"), ("latents", 3), ("output_type", 3),
)  # fmt: skip
A1111: tuple[tuple[str, Any], ...] = (
    ("steps", "ten"), ("steps", -1), ("cfg_scale", "x"), ("cfg_scale", True), ("cfg_scale", ENDLESS), ("seed", "x"), ("seed", 2**70), ("width", [1]),
    ("batch_size", "x"), ("batch_size", -1), ("override_settings", 3), ("sampler_name", 3), ("send_images", "x"), ("prompt", 3),
)  # fmt: skip
OPENAI: tuple[tuple[str, Any], ...] = (
    ("n", "x"), ("n", 2**70), ("size", 3), ("size", "axb"), ("seed", "x"), ("seed", 1.5), ("seed", 2**70), ("stream", "x"), ("partial_images", "x"),
    ("brickwork", 3), ("prompt", 3),
)  # fmt: skip
CALLED = {"steps": "num_inference_steps", "cfg_scale": "guidance_scale"}
"""Inputs by the name of a workflow, where the workflow refuses them."""


@pytest.mark.parametrize(("name", "value"), OURS)
def test_a_run_names_the_input_that_is_wrong(client: Client, name: str, value: Any) -> None:
    answer = client.post("/api/runs", {"inputs": {"prompt": "x", "num_inference_steps": 1, name: value}})
    assert answer.status == 422, answer.body
    assert name in [fault["input"] for fault in answer.error["faults"]]
    assert "Traceback" not in answer.error["message"]


@pytest.mark.parametrize(("name", "value"), A1111)
def test_an_image_of_a1111s_interface_names_the_field_that_is_wrong(client: Client, name: str, value: Any) -> None:
    answer = client.post("/sdapi/v1/txt2img", {"prompt": "x", "steps": 1, "width": 64, "height": 64, name: value})
    assert answer.status == 422, answer.body
    assert name in answer.data["detail"] or CALLED.get(name, name) in answer.data["detail"]


@pytest.mark.parametrize(("name", "value"), OPENAI)
def test_an_image_of_openais_interface_names_the_field_that_is_wrong(client: Client, name: str, value: Any) -> None:
    answer = client.post(
        "/v1/images/generations", {"prompt": "x", "brickwork": {"num_inference_steps": 1}, name: value}
    )
    assert (answer.status, answer.error["type"], answer.error["param"]) == (400, "invalid_request_error", name), (
        answer.body
    )


@pytest.mark.parametrize(("name", "value"), OURS[:14])
def test_openais_interface_names_inputs_of_its_own_field(client: Client, name: str, value: Any) -> None:
    answer = client.post(
        "/v1/images/generations", {"prompt": "x", "brickwork": {"num_inference_steps": 1, name: value}}
    )
    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error"), answer.body
    assert name in json.dumps(answer.error)
