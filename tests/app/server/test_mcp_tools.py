"""The Model Context Protocol, asked by the client of its official SDK."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import io
import json
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from cli_runner import invoke
from mcp.client import Client as Agent
from PIL import Image
from served import Client, Served

from brickwork import ModularPipeline
from brickwork.app.server.application import application
from brickwork.app.server.mcp_server import mcp_server

FEW = {"prompt": "a red apple", "num_inference_steps": 4}


def asked(served: Served, work: Callable[[Agent], Awaitable[Any]]) -> Any:
    """Do something with an agent's client in the memory of this process."""

    async def connected() -> Any:
        async with Agent(mcp_server(served.service)) as agent:
            return await work(agent)

    return asyncio.run(connected())


def call(served: Served, name: str, **arguments: Any) -> Any:
    return asked(served, lambda agent: agent.call_tool(name, arguments))


def said(result: Any) -> Any:
    assert not result.is_error, result.content
    return json.loads(result.content[-1].text)


def test_tools_are_listed_with_what_they_take(served: Served) -> None:
    found = {tool.name: tool for tool in asked(served, lambda agent: agent.list_tools()).tools}
    assert list(found) == ["list_workflows", "describe_workflow", "check", "run", "get_run", "cancel", "upload_image"]
    assert found["run"].input_schema["required"] == ["inputs"]
    assert all(tool.description for tool in found.values())


def test_an_agent_finds_checks_and_runs_a_workflow(served: Served, embedded_pipe: ModularPipeline) -> None:
    names = [each["id"] for each in said(call(served, "list_workflows"))["workflows"]]
    assert names == ["embedded", "painting"]
    described = said(call(served, "describe_workflow", workflow="embedded"))
    assert "num_inference_steps" in described["inputs"]["properties"]
    checked = said(call(served, "check", inputs={"promt": "x"}))
    assert any("Did you mean 'prompt'?" in fault["text"] for fault in checked["faults"])
    steps: list[tuple[float, float | None]] = []

    async def note(progress: float, total: float | None, _: str | None) -> None:
        steps.append((progress, total))

    arguments = {"workflow": "embedded", "inputs": FEW, "seed": 41}
    result = asked(served, lambda agent: agent.call_tool("run", arguments, progress_callback=note))
    about = said(result)
    assert (about["status"], about["seed"]) == ("finished", 41)
    assert steps == [(float(n), 4.0) for n in (1, 2, 3, 4)]
    assert (result.content[0].type, result.content[0].mime_type) == ("image", "image/png")
    image = Image.open(io.BytesIO(base64.b64decode(result.content[0].data)))
    wanted = embedded_pipe(**FEW, seed=41, output="images")[0]
    # A level of 255 where another run shared forwards with it.
    assert np.abs(np.asarray(image, dtype=int) - np.asarray(wanted, dtype=int)).max() <= 1
    again = call(served, "get_run", id=about["id"])
    assert again.content[0].data == result.content[0].data


def test_an_image_is_uploaded_and_goes_into_a_run(served: Served) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(buffer, "PNG")
    name = said(call(served, "upload_image", data=base64.b64encode(buffer.getvalue()).decode()))
    inputs = {**FEW, "image": name, "strength": 0.5}
    assert said(call(served, "run", workflow="painting", inputs=inputs, seed=1))["status"] == "finished"


def test_a_run_goes_on_by_itself_where_nobody_waits_and_is_cancelled(served: Served, client: Client) -> None:
    about = said(call(served, "run", inputs={**FEW, "num_inference_steps": 900}, wait=False))
    assert about["status"] in ("queued", "running")
    call(served, "cancel", id=about["id"])
    assert client.ended(about["id"])["status"] == "cancelled"
    assert said(call(served, "get_run", id=about["id"]))["status"] == "cancelled"


def test_an_agent_that_takes_its_call_back_cancels_the_run(served: Served, client: Client) -> None:
    inputs = {**FEW, "num_inference_steps": 900}

    async def given_up(agent: Agent) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(agent.call_tool("run", {"inputs": inputs}), 0.5)

    asked(served, given_up)
    last = client.get("/api/runs?limit=1").data[0]
    assert client.ended(last["id"])["status"] == "cancelled"


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("run", {"inputs": {"promt": "x"}}, "Did you mean 'prompt'?"),
        ("run", {"inputs": "x"}, "inputs is a text; it is an object."),
        ("run", {}, "inputs is missing."),
        ("run", {"inputs": FEW, "workflow": "none"}, "There is no workflow 'none'."),
        ("check", {"inputs": FEW, "seed": 1}, "There is no key 'seed'"),
        ("get_run", {"id": "none"}, "There is no run 'none'"),
        ("cancel", {"id": "none"}, "There is no run 'none'"),
        ("upload_image", {"data": "/etc/passwd"}, "data is a text, and no image in base64"),
        ("upload_image", {"data": "aGVsbG8="}, "it is none of the formats PNG, JPEG, WEBP"),
        ("draw", {}, "There is no tool 'draw'. There are: list_workflows"),
    ],
)
def test_what_does_not_fit_is_said_in_the_result(
    served: Served, name: str, arguments: dict[str, Any], text: str
) -> None:
    result = call(served, name, **arguments)
    assert result.is_error
    assert text in result.content[0].text


def test_a_run_that_failed_is_an_error(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("brickwork.app.server.run_work.RunWork._computed", fails)
    result = call(served, "run", inputs=FEW)
    assert result.is_error
    assert "Memory ran out" in result.content[-1].text


def test_the_protocol_is_spoken_at_mcp_by_the_rules_of_the_server(served: Served, client: Client) -> None:
    async def connected() -> Any:
        async with Agent(f"http://127.0.0.1:{served.port}/mcp") as agent:
            return await agent.call_tool("run", {"inputs": FEW, "seed": 41})

    assert said(asyncio.run(connected()))["status"] == "finished"
    other = client.post("/mcp", {}, {"Origin": "https://example.org"})
    assert (other.status, other.error["type"]) == (403, "OriginError")


def test_the_protocol_is_spoken_where_it_was_asked_for_only(served: Served) -> None:
    assert "/mcp" in [getattr(route, "path", "") for route in application(served.service, with_mcp=True).routes]
    assert "/mcp" not in [getattr(route, "path", "") for route in application(served.service).routes]


@pytest.mark.parametrize("flag", ["--mcp", "--mcp-stdio"])
def test_the_extra_is_named_where_it_is_missing(flag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "mcp" else found(name))
    result = invoke("serve", "embedded", flag)
    assert result.exit_code == 2
    assert "brickwork serve --mcp needs mcp: pip install 'brickwork[mcp]'" in result.stderr
