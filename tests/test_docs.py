"""Every snippet in the README, the docs and the docstrings runs."""

from __future__ import annotations

import doctest
import importlib
import linecache
import pkgutil
import re
import sys
import types
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np
import pytest
import torch
from hub_server import Hub
from PIL import Image
from rooms import ROOMS, ROOT

import brickwork
from brickwork import Block, Outputs
from brickwork.engine.execution import checkpoint
from brickwork.guiders import GuidanceStep
from brickwork.presets.sdxl import SDXL
from brickwork.state import vocabulary

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_drawn_plan_is_the_plan() -> None:
    """Draw it anew with `brickwork.embedded().plan(["prompt"]).graph.save("docs/images/plan.svg")`."""
    from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS

    plan = brickwork.SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).plan(["prompt"])
    assert (ROOT / "docs" / "images" / "plan.svg").read_text() == plan.graph.svg


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_on_a_page_runs_from_top_to_bottom(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], hub: Hub
) -> None:
    """In an empty folder, beside a Hub of its own; sources are known as those of cells are in a notebook."""
    monkeypatch.chdir(tmp_path)
    torch._dynamo.reset()  # how often a function was compiled counts for a process: others may have done so
    monkeypatch.setattr(checkpoint, "_HELD", WeakSet())  # a page shows what is held: others may hold snapshots
    module = types.ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)
    for number, code in enumerate(re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)):
        name = f"{page.name}, snippet {number}"
        monkeypatch.setitem(linecache.cache, name, (len(code), None, code.splitlines(keepends=True), name))
        exec(compile(code, name, "exec"), vars(module))
    printed = capsys.readouterr().out
    for shown in re.findall(r"^```text\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
        assert shown in printed, f"The page shows\n{shown}\nand its lines print\n{printed}"
    if page.name == "troubleshooting.md":
        messages = messages_of(page)
        assert len(messages) > 30
        assert [each for each in messages if each not in printed] == []
    drawn = {place.name: place for place in tmp_path.glob("*.png")}
    for shown in (ROOT / "docs" / "images").glob("*.png"):
        if f"images/{shown.name})" in page.read_text() and shown.name in drawn:
            assert difference(shown, drawn[shown.name]) < 2.0, f"{shown.name} is not what {page.name} draws"
    for graph in tmp_path.glob("*.svg"):
        kept = ROOT / "docs" / "images" / graph.name
        assert not kept.exists() or graph.read_text() == kept.read_text(), f"{kept.name} is not what {page.name} draws"


def messages_of(page: Path) -> list[str]:
    """The parts of messages that open the rows of tables."""
    return [each.replace("\\|", "|") for each in re.findall(r"^\| `([^`]+)` \|", page.read_text(), re.MULTILINE)]


def difference(one: Path, other: Path) -> float:
    """Mean difference in grey levels; other CPUs round otherwise."""
    mine, theirs = (np.asarray(Image.open(path).convert("RGB"), dtype=float) for path in (one, other))
    return float(np.abs(mine - theirs).mean()) if mine.shape == theirs.shape else 255.0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_of_a_page_exist(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} points to {target}, which is not there"


def test_the_files_that_architecture_names_exist() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    named = re.findall(r"`([\w/]+(?:/|\.py))`", page)
    assert len(named) > 40
    rooms = [room for room in ROOMS if (ROOT / room).is_dir()]
    assert [name for name in named if not any((ROOT / at / name).exists() for at in ("", *rooms))] == []


def make_block(name: str) -> type[Block]:
    class Made(Block):
        class Out(Outputs):
            x: int

        def run(self, x: int) -> Out:
            return self.Out(x=x + 1)

    Made.__name__ = name
    return Made


def names_of_docstrings() -> dict[str, Any]:
    names = {name: getattr(brickwork, name) for name in brickwork.__all__}
    names.update({word: getattr(vocabulary, word) for word in dir(vocabulary) if not word.startswith("_")})
    names.update(
        {name: make_block(name) for name in ("AddOne", "Prepare", "Decode", "Inpaint", "FromImage", "FromText")}
    )
    from collections.abc import Iterator

    return {**names, "torch": torch, "GuidanceStep": GuidanceStep, "Iterator": Iterator, "SDXL": SDXL}


MODULES = [info.name for info in pkgutil.walk_packages(brickwork.__path__, "brickwork.") if ".tests" not in info.name]


def test_the_examples_in_docstrings_run(monkeypatch: pytest.MonkeyPatch) -> None:
    attempted = 0
    here = types.ModuleType("docstrings")  # where the annotations of blocks that examples write find their names
    vars(here).update(names_of_docstrings())
    monkeypatch.setitem(sys.modules, here.__name__, here)
    for name in MODULES:
        if name.split(".")[1] not in ROOMS:
            continue
        for found in doctest.DocTestFinder().find(importlib.import_module(name), name, extraglobs=vars(here)):
            # For each text, also without an example, a runner would look for changes in all sources that Python has shown.
            if found.examples:
                result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(found)
                assert result.failed == 0, found.name
                attempted += result.attempted
    assert attempted >= 10
