"""The page's libraries are those of the npm packages that VERSIONS.json names."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "app" / "page" / "static"
VENDOR = PAGE / "vendor"
VERSIONS = json.loads((VENDOR / "VERSIONS.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", VERSIONS["files"])
def test_a_library_is_the_file_of_its_package(name: str) -> None:
    text = (VENDOR / name).read_text(encoding="utf-8")
    for bare, here in VERSIONS["imports"].items():
        text = text.replace(f'from"{here}"', f'from"{bare}"')
    assert hashlib.sha256(text.encode()).hexdigest() == VERSIONS["files"][name]["sha256_of_file"]


def test_every_library_has_a_licence_and_an_entry() -> None:
    assert {path.name for path in VENDOR.glob("*.mjs")} == set(VERSIONS["files"])
    assert {path.name for path in VENDOR.glob("LICENSE-*")} == {
        f"LICENSE-{name}" for name in ("htm", "preact", "signals", "signals_core")
    }


def test_the_page_asks_no_other_machine_and_has_nothing_inline() -> None:
    page = (PAGE / "index.html").read_text(encoding="utf-8")
    assert "http" not in page
    assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=", page)
    for path in PAGE.glob("js/*.js"):
        text = path.read_text(encoding="utf-8")
        assert "innerHTML" not in text, path.name
        assert not re.search(r"""["'`]https?://""", text), path.name


def test_every_module_says_what_it_is_for_and_stays_small() -> None:
    for path in PAGE.glob("js/*.js"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith("// "), path.name
        assert len(lines) <= 300, path.name
