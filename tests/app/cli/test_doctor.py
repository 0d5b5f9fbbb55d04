"""`doctor` says what caches hold that is of no use, and what of them is well."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_runner import invoke


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
