"""Every block of the package is found by its name, and no name is that of two."""

from __future__ import annotations

import ast
import gc
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest
from rooms import ROOT

from brickwork.blocks.core.base import ModularPipelineBlocks
from brickwork.blocks.core.block_catalog import _is_public, _subclasses, block_names, find_block, is_base
from brickwork.blocks.core.part import BlockPart
from brickwork.blocks.core.preset_catalog import presets
from brickwork.state import CompositionError
from brickwork.state.packages import block_packages

ROOMS = ("blocks/measures", "blocks/steps", "blocks/techniques", "blocks/training", "presets")


def written_names() -> list[str]:
    """Names of the classes that files of blocks hold and that declare what they do, as the files say them."""
    return [
        node.name
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and node.bases and not node.name.startswith("_") and _declares(node)
    ]


def _declares(node: ast.ClassDef) -> bool:
    names = {getattr(each, "name", None) for each in node.body}
    names |= {target.id for each in node.body if isinstance(each, ast.Assign) for target in each.targets if isinstance(target, ast.Name)}  # fmt: skip
    return bool(names & {"run", "block_classes"})


def test_no_two_blocks_have_one_name() -> None:
    """A saved composition names its blocks; of two the last imported was opened."""
    names = written_names()
    assert len(names) > 100
    assert [name for name, count in Counter(names).items() if count > 1] == []
    list(presets())
    known: dict[str, type] = {}
    # Classes of other tests under names of this package are gone, but for the cycles in them.
    gc.collect()
    for cls in _subclasses(ModularPipelineBlocks):
        assert not _is_public(cls) or known.setdefault(cls.__qualname__, cls) is cls


@pytest.mark.parametrize("name", written_names())
def test_a_block_is_found_by_its_name(name: str) -> None:
    found = find_block(name)
    assert found.__name__ == name
    if not issubclass(found, BlockPart) and not is_base(found):
        assert name in block_names()


def test_packages_are_read_again_where_one_is_installed_removed_or_out_of_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    real = block_packages.distributions
    monkeypatch.setattr(block_packages, "distributions", lambda: (read.append(1), real())[1])

    def found() -> set[str]:
        return {each for each in block_names() if each.startswith("some-")}

    def install(name: str) -> Path:
        info = tmp_path / "site" / f"{name}-1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: some-{name}\nVersion: 1\n")
        (info / "entry_points.txt").write_text("[brickwork.blocks]\nits = nowhere:Its\n")
        return info

    monkeypatch.syspath_prepend(str(tmp_path / "site"))  # where there is no folder yet
    assert found() == found() == set()
    assert len(read) == 1
    first = install("one")
    assert found() == found() == {"some-one/its"}
    install("two")
    assert found() == {"some-one/its", "some-two/its"}
    shutil.rmtree(first)
    assert found() == found() == {"some-two/its"}
    assert len(read) == 4
    monkeypatch.setattr("sys.path", sys.path[1:])
    assert found() == set()


def test_a_name_that_is_none_has_its_nearest_said() -> None:
    with pytest.raises(CompositionError, match=r"No block is named 'PredictWindow'.*'PredictWindows'"):
        find_block("PredictWindow")


def test_what_is_only_there_to_derive_from_is_in_no_list() -> None:
    assert not {"PlainTexts", "Block", "AutoPipelineBlocks", "DenoiserInput"} & set(block_names())
