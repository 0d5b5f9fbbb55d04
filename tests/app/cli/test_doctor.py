"""`doctor` says what caches hold that is of no use, and what of them is well."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from cli_runner import invoke
from rooms import ROOT


def said() -> dict[str, str]:
    return {each["name"]: each["said"] for each in json.loads(invoke("doctor", "--json").stdout)}


def test_downloads_that_were_cut_off_and_schemas_that_are_broken_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BRICKWORK_HOME", str(tmp_path / "home"))
    found = said()
    assert found["hub cache"] == f"{tmp_path / 'cache'}, 0 repositories"
    assert found["schemas"] == "0 targets are known without opening them"
    blobs = tmp_path / "cache" / "models--me--mine" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "abc").write_bytes(b"x" * 9)
    for name in ("one", "two"):
        (blobs / f"{name}.incomplete").write_bytes(b"x" * 1500)
    (tmp_path / "home" / "schemas").mkdir(parents=True)
    for name, text in (("a", "{}"), ("b", "{"), ("c", "[]")):
        (tmp_path / "home" / "schemas" / f"{name}.json").write_text(text)
    found = said()
    assert found["hub cache"] == f"{tmp_path / 'cache'}, 1 repositories, 2 unfinished downloads of 3.0 KB"
    assert found["schemas"] == "3 targets are known without opening them; 2 of them cannot be read, and are made anew"


def test_each_extra_is_said_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    found = {name.removeprefix("extra "): text for name, text in said().items() if name.startswith("extra ")}
    assert set(found) == set(declared)
    monkeypatch.setattr("brickwork.app.cli.doctor._version", lambda name: None if name == "peft" else "1")
    assert said()["extra lora"] == "not all there (peft): pip install 'brickwork[lora]'"
    assert said()["extra video"] == "is there"
