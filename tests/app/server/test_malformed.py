"""Bodies that nobody means: each is answered, and none by an error of the server."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from served import Client

PATHS = (
    "/api/runs", "/api/sweeps", "/api/compositions", "/api/workflows/embedded/check", "/api/workflows/painting/check", "/api/runs/RUN/branch",
)  # fmt: skip
KEYS = (
    "workflow", "inputs", "seed", "output", "priority", "preview", "from", "axes", "data", "save", "at_step", "prompt", "height", "image", "guider",
    "name", "$file", "$run", "index", "brickwork", "start", "edits", "replace", "with", "composition", "block", "num_inference_steps", "every", "\u0000",
)  # fmt: skip
VALUES = (
    None, True, -1, 0, 1, 65, 2**70, 1e308, "", "x", "embedded", "sdxl.text2image", "../x", "\ud83d", "latents", [], {}, [[]], "batch", "sha256:" + "0" * 64,
)  # fmt: skip


def made(chance: random.Random, depth: int = 0) -> Any:
    """A body by chance."""
    if depth and (depth > 3 or chance.random() < 0.5):
        return chance.choice(VALUES)
    if depth and chance.random() < 0.2:
        return [made(chance, depth + 1) for _ in range(chance.randrange(3))]
    return {chance.choice(KEYS): made(chance, depth + 1) for _ in range(chance.randrange(5))}


def test_no_body_is_answered_by_an_error_of_the_server(client: Client, apple: Any, many: int) -> None:
    chance = random.Random(0)
    for _ in range(120 * many):
        path = chance.choice(PATHS).replace("RUN", apple["id"])
        body = made(chance)
        answer = client.post(path, json.dumps(body).encode())
        assert answer.status < 500, (path, body, answer.body)
        assert "Traceback" not in answer.body.decode()
        for identifier in [answer.data["id"]] if answer.status == 202 and "runs" not in answer.data else []:
            client.ask("DELETE", f"/api/runs/{identifier}")


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_numbers_that_json_does_not_know_are_refused(client: Client, number: bytes) -> None:
    answer = client.post("/api/runs", b'{"inputs": {"prompt": "x", "guidance_scale": ' + number + b"}}")
    assert answer.status in (400, 422)
