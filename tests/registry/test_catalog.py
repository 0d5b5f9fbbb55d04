"""Names of compositions are known without importing the families that they are of."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from brickwork import CompositionError
from brickwork.registry import catalog, families
from brickwork.registry.catalog import Catalog

FOLDERS = sorted(path.parent.name for path in (Path(__file__).parents[2] / "presets").glob("*/__init__.py"))

ROOM = Path(__file__).parents[2] / "families"
CONTRACTS = {
    ".".join(["brickwork.families", *path.relative_to(ROOM).with_suffix("").parts])
    for path in ROOM.rglob("*.py")
    if "families.register(" in path.read_text()
}
"""Modules that hold a family each."""


def test_the_name_of_a_family_imports_no_other() -> None:
    code = """
        import sys
        from brickwork.registry import catalog, shipped
        assert "brickwork/embedded" in shipped
        print(sorted(name for name in sys.modules if name.startswith("brickwork.presets.") and name.count(".") == 2))
        assert "StableDiffusion3Pipeline" in catalog and "sdxl.auto" in list(catalog)
        print([name for name in sys.modules if name.startswith("brickwork.families.")])
        catalog.get("DDPMPipeline")
        print(sorted(name for name in sys.modules if name.startswith("brickwork.presets.") and name.count(".") == 2))
    """
    lines = "\n".join(line.strip() for line in code.splitlines())
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    shipping, before, after = map(ast.literal_eval, done.stdout.strip().splitlines())
    assert shipping == ["brickwork.presets.embedded"]
    assert len(CONTRACTS) > 25
    assert CONTRACTS.isdisjoint(before)
    assert "brickwork.presets.ddpm" in after
    assert {f"brickwork.presets.{name}" for name in FOLDERS if name not in ("ddpm", "embedded")}.isdisjoint(after)


@pytest.mark.parametrize("name", list(catalog))
def test_every_name_has_its_object(name: str) -> None:
    assert catalog.get(name)


@pytest.mark.parametrize("name", list(families))
def test_the_classes_of_a_contract_are_names(name: str) -> None:
    contract = families.get(name)
    classes = contract.classic_pipeline, contract.modular_pipeline, contract.modular_blocks
    folder = {catalog.folder_of(each) for each in classes if each and each in catalog}
    # A second network of a family has no class of its own.
    assert len(folder) <= 1
    if folder:
        assert [each for each in classes if each and each not in catalog] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_a_folder_writes_down_is_what_it_has(folder: str) -> None:
    """The folders of the models that come with this package, and of training recipes, hold no compositions."""
    names = getattr(import_module(f"brickwork.presets.{folder}"), "NAMES", {})
    assert bool(names) is (folder not in ("embedded", "training"))
    assert names.keys() <= set(catalog)
    assert {catalog.folder_of(name) for name in names} <= {folder}


def test_a_name_that_is_taken_is_refused() -> None:
    made = Catalog({"a": "x:y"})
    made.register("a", "x:y")
    with pytest.raises(CompositionError, match="'a' is taken by x:y; z:y needs another"):
        made.register("a", "z:y")
