"""Nothing is sent anywhere but what was asked for: every request is listed, and no token is ever said."""

from __future__ import annotations

import json
import re
import socket
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from block_repo import relocated
from cli_runner import invoke
from hub_server import TOKEN, Hub

import brickwork
from brickwork import ModularPipeline
from brickwork.registry.hub import repo

LOOPBACK = ("127.0.0.1", "::1", "localhost", None, "")
SECRET = "hf_secretsecretsecretsecretsecretsecr"
AGENT = re.compile(r"brickwork/\d\S*; hf_hub/\S+; python/\S+")


@pytest.fixture(autouse=True)
def loopback_alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A socket to any other address, and a question for its name, fails the test even where the error is caught."""
    met: list[Any] = []
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def noted(host: Any) -> None:
        if host not in LOOPBACK:
            met.append(host)
            raise OSError(f"{host} is not asked in this test")

    def connected(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple):
            noted(address[0])
        connect(self, address)

    def looked_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        noted(host.decode() if isinstance(host, bytes) else host)
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", connected)
    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    yield
    assert met == []


@pytest.fixture(autouse=True)
def telemetry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The Hub's client as it is for who has turned nothing off, on a machine where a program for writing code runs."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.AGENT_HARNESSES_PATH", str(tmp_path / "harnesses.json"))
    monkeypatch.setattr("huggingface_hub.utils._detect_agent._registry", None)
    monkeypatch.setenv("AI_AGENT", "somebody")
    monkeypatch.setattr(repo, "_listings", {})


def asked(hub: Hub) -> list[str]:
    """The requests since the last time, each looked at: who asks, and who is told the token."""
    found = [f"{method} {path}" for method, path in hub.requests]
    for line, headers in zip(found, hub.headers, strict=True):
        assert AGENT.fullmatch(headers["user-agent"]), (line, headers)
        assert headers.keys() <= {"host", "user-agent", "accept", "accept-encoding", "connection", "authorization", "x-amzn-trace-id", "x-hf-download-counter", "range", "content-length", "content-type", "if-none-match", "x-request-id"}, (line, headers)  # fmt: skip
        # Weights are sent by another server, to whoever has their address.
        assert headers.get("authorization") == (None if "/lfs/" in line else f"Bearer {TOKEN}"), line
    hub.requests.clear()
    hub.headers.clear()
    return found


def test_the_client_left_alone_would_ask_and_tell_more(hub: Hub) -> None:
    hub.add("me/there", {"x.json": b"{}"})
    huggingface_hub.HfApi().model_info("me/there")
    assert ("GET", "/api/agent-harnesses") in hub.requests
    assert "torch/" in hub.headers[-1]["user-agent"]


def test_opening_and_loading_from_the_hub_asks_for_the_commit_and_each_file_once(
    hub: Hub, tiny_folder: Path, tmp_path: Path
) -> None:
    sha = hub.add_folder("me/tiny", relocated(tiny_folder, tmp_path / "tiny", "me/tiny"))
    hub.requests.clear()
    pipe = ModularPipeline.from_pretrained("me/tiny", revision=sha)
    opening = asked(hub)
    assert opening[0] == f"GET /api/models/me/tiny/revision/{sha}"
    assert opening[1:] == [f"{method} /me/tiny/resolve/{sha}/modular_model_index.json" for method in ("HEAD", "GET")]
    pipe.load_components()
    loading = asked(hub)
    files = {path.relative_to(tiny_folder).as_posix() for path in tiny_folder.rglob("*") if path.is_file()}
    heads = [line.partition(f"{sha}/")[2] for line in loading if line.startswith("HEAD /me/tiny")]
    assert len(heads) == len(set(heads)), "each file once"
    assert set(heads) <= files
    others = [line for line in loading if not re.fullmatch(rf"(HEAD|GET) (/me/tiny/resolve/{sha}/\S+|/lfs/[0-9a-f]{{64}})", line)]  # fmt: skip
    assert others == []
    ModularPipeline.from_pretrained("me/tiny", revision=sha).load_components()
    assert asked(hub) == [], "a commit does not change"
    repo._listings.clear()
    ModularPipeline.from_pretrained("me/tiny", revision=sha, local_files_only=True).load_components()
    assert asked(hub) == [], "from the cache"


def test_what_is_of_this_machine_asks_nobody(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pipe = brickwork.embedded()
    pipe.configure(progress=False)
    pipe.save_pretrained("saved")
    image = pipe("a red circle", num_inference_steps=1, seed=1, output="images")[0]
    brickwork.save(image, "a.png")
    ModularPipeline.from_pretrained("saved").load_components()
    brickwork.replay("a.png", progress=False)
    for words in (
        ("doctor",),
        ("doctor", "--json"),
        ("check", "saved"),
        ("inputs", "saved"),
        ("info", "a.png"),
        ("blocks", "list", "Decode"),
        ("publish", "saved", "me/saved", "--dry-run", "--json"),
    ):
        assert invoke(*words).exit_code == 0, words
    assert (hub.requests, hub.repos) == ([], {})


def test_doctor_asks_who_is_logged_in_where_it_is_told_to(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {each["name"]: each["said"] for each in json.loads(invoke("doctor", "--json").stdout)}
    assert told["hub token"] == "there is one, in HF_TOKEN"
    assert told["hub"].endswith("was not asked, nor whose the token is; --online does")
    assert asked(hub) == []
    assert invoke("doctor", "--online").stdout.rstrip().endswith("logged in as me")
    assert asked(hub) == ["GET /api/whoami-v2"]
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "is not asked, nor whose the token is: HF_HUB_OFFLINE" in " ".join(
        invoke("doctor", "--online").stdout.split()
    )
    assert asked(hub) == []


def told(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


@pytest.mark.parametrize("place", ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "a file"])
@pytest.mark.parametrize("end", ["", "\x01x", "\u2026"])
def test_a_token_is_never_said(
    end: str, place: str, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HF_TOKEN")
    token = SECRET + end
    if place == "a file":
        (tmp_path / "token").write_text(token)
        monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    else:
        monkeypatch.setenv(place, token)
    monkeypatch.setenv("BRICKWORK_TRACEBACK", "1")
    hub.add("me/there", {"modular_config.json": b"{}"})
    caplog.set_level("DEBUG")
    said = ""
    for words in (
        ("doctor",),
        ("doctor", "--json"),
        ("doctor", "--online"),
        ("doctor", "--online", "--json"),
        ("check", "me/there"),
        ("inputs", "me/none", "--json"),
        ("run", "me/there", "--json"),
        ("lock", "me/none", "-o", "my.lock"),
    ):
        said += invoke(*words).output
    for call in (
        lambda: ModularPipeline.from_pretrained("me/none"),
        lambda: ModularPipeline.from_pretrained("me/none", token=token),
        lambda: brickwork.SequentialPipelineBlocks().push_to_hub("mine"),
        lambda: brickwork.SequentialPipelineBlocks().push_to_hub("me/mine", token=token),
    ):
        with pytest.raises(brickwork.BrickworkError) as caught:
            call()
        said += told(caught.value)
    assert "there is one, in" in said
    assert "secretsecret" not in said + caplog.text


def test_a_password_in_the_address_of_a_mirror_is_never_said(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://me:secretsecret@127.0.0.1:{hub.port}")
    said = invoke("doctor").output + invoke("doctor", "--online", "--json").output
    assert "secretsecret" not in said
    assert f"http://<hidden>@127.0.0.1:{hub.port}" in said
