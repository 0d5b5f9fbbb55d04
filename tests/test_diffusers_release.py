"""One constant says for which release of diffusers files are written; whatever else names a release names that one."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from brickwork import ClassifierFreeGuidance, ModularPipeline
from brickwork.presets.embedded import FOLDER
from brickwork.registry.index import DIFFUSERS_RELEASE

ROOT = Path(__file__).parents[1]
ROOMS = (
    "state", "registry", "engine", "guiders", "families", "adapters", "blocks", "saving", "pipeline", "presets", "app",
    "modular_pipelines", "testing",
)  # fmt: skip
SOURCES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
PAGES = [
    *sorted((ROOT / "docs").glob("*.md")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "constraints.txt")),
]
NAMED = re.compile(r"(?i)diffusers[^\n]{0,40}?(?<![\d.])(\d+\.\d+\.\d+)(?![\d.]*\d)")


def test_only_the_constant_says_it_in_code() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value == DIFFUSERS_RELEASE
    }
    assert found == {"registry/index.py"}


def test_every_comment_and_page_that_names_a_release_names_this_one() -> None:
    found = {
        (path.relative_to(ROOT).as_posix(), each)
        for path in (*SOURCES, *PAGES)
        for each in NAMED.findall(path.read_text())
    }
    assert {path for path, _ in found} >= {"constraints.txt", "docs/sdxl.md", "docs/guiders.md", "guiders/stateful.py"}
    assert {each for _, each in found} == {DIFFUSERS_RELEASE}


@pytest.mark.parametrize(
    "text", ["diffusers==1.2.3", "as `x` of diffusers (1.2.3) has it", "`diffusers.guiders.Base` (1.2.3)."]
)
def test_a_release_is_found_in_text(text: str) -> None:
    assert NAMED.findall(text) == ["1.2.3"]


def test_the_package_may_be_installed_beside_it() -> None:
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    (diffusers,) = [each for each in map(Requirement, required) if each.name == "diffusers"]
    assert diffusers.specifier.contains(DIFFUSERS_RELEASE)


def test_every_file_that_is_written_says_it(tmp_path: Path) -> None:
    ClassifierFreeGuidance().save_pretrained(str(tmp_path / "guider"))
    ModularPipeline.from_pretrained(str(FOLDER)).save_pretrained(str(tmp_path / "pipeline"))
    written = {
        path.name: json.loads(path.read_text()).get("_diffusers_version")
        for path in (*tmp_path.glob("*/guider_config.json"), *tmp_path.glob("*/*modular*.json"))
    }
    names = ("guider_config.json", "modular_config.json", "modular_model_index.json")
    assert written == dict.fromkeys(names, DIFFUSERS_RELEASE)
