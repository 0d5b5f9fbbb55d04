"""The tables of docs/families.md are those of the tests."""

from __future__ import annotations

import ast
from pathlib import Path

import diffusers
import family_page
import pytest
from rooms import ROOT

from brickwork.registry import catalog

FOLDERS = (
    "stable_diffusion",
    "stable_diffusion_3",
    "flux",
    "controlnet",
    "controlnet_sd3",
    "t2i_adapter",
    "latent_consistency_models",
)
"""Of diffusers' classic pipelines, those of the families that are compared whole."""


def test_the_tables_are_those_of_the_tests() -> None:
    assert family_page.written() == family_page.PAGE.read_text(), "run tests/support/family_page.py"


def test_the_smallest_family_takes_at_most_sixty_lines() -> None:
    """Of contract and preset, without docstrings and empty lines."""
    counted = 0
    for name in ("families/ddpm.py", "presets/ddpm/__init__.py"):
        source = (ROOT / name).read_text()
        tree = ast.parse(source)
        texts = [node for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)]
        silent = {line for node in texts for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
        lines = enumerate(source.splitlines(), start=1)
        counted += sum(1 for number, line in lines if line.strip() and number not in silent)
    assert counted <= 60


def classics(folder: str) -> list[str]:
    """The classes of pipelines that a folder of diffusers defines, but for those of ONNX."""
    place = Path(diffusers.__file__).parent / "pipelines" / folder
    trees = [ast.parse(file.read_text()) for file in sorted(place.glob("pipeline_*.py")) if "onnx" not in file.name]
    nodes = [node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    return [node.name for node in nodes if node.name.endswith("Pipeline")]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_classic_pipeline_has_a_row_or_a_reason(folder: str) -> None:
    page = family_page.PAGE.read_text()
    names = classics(folder)
    assert names
    # Those of Stable Diffusion XL are on a page of their own, and open by their names.
    assert [name for name in names if f"`{name}`" not in page and not ("XL" in name and name in catalog)] == []


def test_what_the_page_says_is_not_there_is_not_there() -> None:
    page = family_page.PAGE.read_text()
    said = page.partition("Not there, of what diffusers has")[2].partition("`FluxPriorReduxPipeline`")[0]
    absent = [name for folder in FOLDERS for name in classics(folder) if f"`{name}`" in said]
    assert len(absent) == 3
    assert [name for name in absent if name in catalog] == []
