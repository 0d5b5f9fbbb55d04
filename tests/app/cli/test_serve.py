"""`brickwork serve`, up to where it serves."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_runner import invoke
from kept_logging import kept_logging

from brickwork.app.cli.shared import serving
from brickwork.app.cli.shared.targets import Target, target_of


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    with kept_logging():
        yield


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "::", "example.org"])
def test_another_address_asks_for_tokens(host: str) -> None:
    result = invoke("serve", "embedded", "--host", host)
    assert result.exit_code == 2
    assert (
        f"--host {host}: whoever reaches this address could use the server. Say who may: --token-file" in result.stderr
    )


def test_a_file_without_tokens_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("# none\n")
    result = invoke("serve", "embedded", "--host", "0.0.0.0", "--token-file", str(tmp_path / "tokens"))
    assert result.exit_code == 2
    assert "there is no token in it." in result.stderr


def test_a_bucket_needs_rows() -> None:
    result = invoke("serve", "embedded", "--bucket", "--merge", "0")
    assert (result.exit_code, "--merge 0 has none" in result.stderr) == (2, True)


def test_without_the_libraries_the_line_that_installs_them_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "uvicorn" else found(name, *rest)
    )
    result = invoke("serve", "embedded")
    assert result.exit_code == 2
    assert result.stderr == "InputError: brickwork serve needs uvicorn: pip install 'brickwork[serve]'\n"


def test_an_address_that_is_taken_is_said_before_anything_is_loaded() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = invoke("serve", "embedded", "--port", str(port))
    assert result.exit_code == 2
    assert (
        f"The server cannot listen on 127.0.0.1, port {port}: Address already in use. --port takes another one."
        in result.stderr
    )


def test_a_preset_asks_where_its_components_are() -> None:
    result = invoke("serve", "sdxl.text2image", "--port", "0")
    assert result.exit_code == 3
    assert "sdxl.text2image is blocks alone" in result.stderr


def test_what_is_served_hangs_on_the_options(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: dict[str, Any] = {}

    class Server:
        def __init__(self, app: Any) -> None:
            seen["service"] = app.state.service

        def run(self, sockets: list[socket.socket]) -> None:
            seen["port"] = sockets[0].getsockname()[1]
            sockets[0].close()

    monkeypatch.setattr(serving, "server_of", Server)
    monkeypatch.setattr(serving, "begin_log", lambda _: None)
    options = (
        "--port",
        "0",
        "--queue",
        "3",
        "--workers",
        "2",
        "--merge",
        "4",
        "--bucket",
        "--state",
        str(tmp_path / "state"),
    )
    result = invoke("serve", "embedded", "embedded", *options)
    assert result.exit_code == 0
    service = seen["service"]
    assert list(service.workflows) == ["embedded", "embedded-2"]
    merger = service.workflows["embedded"].pipe.settings.merge
    assert (merger.bucket, merger is service.workflows["embedded-2"].pipe.settings.merge) == (4, True)
    assert (service.queue.size, service.queue.workers) == (3, 2)
    assert service.folder == tmp_path / "state"
    assert result.stderr.splitlines() == [
        f"Brickwork serves on http://127.0.0.1:{seen['port']}",
        "Ready: embedded, embedded-2.",
    ]
    service.stop(0)


@pytest.mark.parametrize(
    ("target", "name", "title"),
    [
        (target_of("embedded"), "embedded", "The embedded model"),
        (target_of("sdxl.text2image"), "sdxl.text2image", "sdxl.text2image"),
        (target_of("owner/name@main"), "owner-name", "owner/name"),
        (Target("my flows/soft one.yaml", "workflow", "my flows/soft one.yaml"), "soft-one", "soft one.yaml"),
        (Target("\u00e9.yaml", "workflow", "\u00e9.yaml"), "workflow", "\u00e9.yaml"),
    ],
)  # fmt: skip
def test_a_target_has_a_name_for_addresses_and_a_title(target: Target, name: str, title: str) -> None:
    assert (serving._name(target, {}), serving._title(target)) == (name, title)
    assert serving._name(target, {name: 1}) == f"{name}-2"
