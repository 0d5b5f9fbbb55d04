"""Saves that were interrupted, and links among the names of a save: nobody writes, moves or deletes outside of the folder."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from block_repo import write
from canary import SECRET, Canary, tree_of

from brickwork import Guider, ModularPipeline, ModularPipelineBlocks, SequentialPipelineBlocks, load_workflow
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS
from brickwork.registry import ComponentSpec, finish_save, read_index
from brickwork.registry.hub import folder_update

BLOCKS = SequentialPipelineBlocks.from_blocks_dict({"decode": TEXT2IMAGE_BLOCKS["decode"]})
STAGE = ".brickwork-new-0123456789abcdef"
NAMES = ("README.md", "brickwork.json", "brickwork_adapter.py", "graph.svg", "modular_config.json")
ENTRIES: dict[str, Callable[[Path], Any]] = {
    "blocks": ModularPipelineBlocks.from_pretrained,
    "pipeline": ModularPipeline.from_pretrained,
    "index": read_index,
    "init_pipeline": lambda folder: BLOCKS.init_pipeline(str(folder)),
    "guider": lambda folder: Guider.from_pretrained(str(folder)),
    "component": lambda folder: ComponentSpec("unet", "diffusers:UNet2DConditionModel", repo=str(folder)).load(),
    "workflow": lambda folder: load_workflow(folder / "workflow.yaml"),
}


def listing(folder: Path, names: Any = NAMES, stage: str = STAGE) -> None:
    """A list of moves as a save leaves it when it is interrupted."""
    write(folder, {folder_update.LIST: {"from": stage, "files": list(names)}})
    write(folder, {"workflow.yaml": f"brickwork: 1\nstart: sdxl.text2image\nrepo: {folder}\n"})


@pytest.mark.parametrize("entry", ENTRIES)
def test_whoever_opens_a_folder_with_a_list_of_moves_changes_nothing(entry: str, canary: Canary) -> None:
    listing(canary.inside)
    write(canary.inside / STAGE, dict.fromkeys(NAMES, "new"))
    before = tree_of(canary.inside)
    assert "A save to" in canary.refused(lambda: ENTRIES[entry](canary.inside))
    assert tree_of(canary.inside) == before


@pytest.mark.parametrize(
    "names",
    [
        ["../outside/secret.txt"], ["/etc/passwd"], ["a/../../outside/secret.txt"], ["C:\\evil"], ["..\\outside"], ["a\0b"],
        ["//host/share/x"], [""], ["."], [7], [None], [["a"]], ["NUL"], ["a "], ["a\u202eb"],
    ],
    ids=repr,
)  # fmt: skip
def test_a_list_names_files_of_its_folder(names: list[Any], canary: Canary) -> None:
    listing(canary.inside, names)
    canary.refused(lambda: ModularPipelineBlocks.from_pretrained(canary.inside))
    canary.refused(lambda: BLOCKS.save_pretrained(canary.inside))


@pytest.mark.parametrize(
    "stage", ["..", "../outside", "/tmp", ".brickwork-new-/../../outside", ".brickwork-new-", "x", 7, None]
)
def test_a_list_names_a_hidden_folder_of_its_own(stage: Any, canary: Canary) -> None:
    listing(canary.inside, ["secret.txt"], stage)
    canary.refused(lambda: ModularPipelineBlocks.from_pretrained(canary.inside))
    canary.refused(lambda: finish_save(canary.inside))


def _link(place: Path, target: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    place.symlink_to(target)


FOREIGN: dict[str, Callable[[Canary], None]] = {
    "the list": lambda c: _link(c.inside / folder_update.LIST, c.outside / "secret.txt"),
    "the hidden folder": lambda c: _link(c.inside / STAGE, c.outside),
    "a new file": lambda c: _link(c.inside / STAGE / NAMES[0], c.outside / "secret.txt"),
    "a folder of new files": lambda c: _link(c.inside / STAGE / "folder", c.outside / "folder"),
    "the lock": lambda c: _link(c.inside / ".brickwork-lock", c.outside / "secret.txt"),
    "the lock, to nothing": lambda c: _link(c.inside / ".brickwork-lock", c.outside / "made"),
    **{f"the old {name}": lambda c, name=name: _link(c.inside / name, c.outside / "secret.txt") for name in NAMES},
}


@pytest.mark.parametrize("place", FOREIGN)
@pytest.mark.parametrize("act", [ModularPipelineBlocks.from_pretrained, BLOCKS.save_pretrained, finish_save])
def test_a_foreign_list_with_a_link_moves_nothing(act: Callable[..., Any], place: str, canary: Canary) -> None:
    listing(canary.inside, [*NAMES, "folder/secret.txt"])
    write(canary.inside / STAGE, dict.fromkeys(NAMES, "new"))
    FOREIGN[place](canary)
    before = tree_of(canary.inside)
    canary.refused(lambda: act(canary.inside))
    assert {n: found[-1] for n, found in tree_of(canary.inside).items()} == {
        n: found[-1] for n, found in before.items()
    }


def interrupted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A save of this user that ends when its list is in place; returns the hidden folder."""
    with monkeypatch.context() as patch:
        patch.setattr(folder_update, "_move", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        child = os.fork()
        if child == 0:
            BLOCKS.save_pretrained(folder)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    return next(folder.glob(".brickwork-new-*"))


SWAPPED: dict[str, Callable[[Canary, Path], None]] = {
    "the list": lambda c, stage: _link(c.inside / folder_update.LIST, c.outside / "secret.txt"),
    "the hidden folder": lambda c, stage: _link(stage, c.outside),
    "a new file": lambda c, stage: _link(stage / NAMES[1], c.outside / "secret.txt"),
    "an old file": lambda c, stage: _link(c.inside / NAMES[2], c.outside / "secret.txt"),
    "an old file, to nothing": lambda c, stage: _link(c.inside / NAMES[2], c.outside / "made"),
    "the lock": lambda c, stage: _link(c.inside / ".brickwork-lock", c.outside / "secret.txt"),
}


@pytest.mark.parametrize("place", SWAPPED)
@pytest.mark.parametrize("act", [ModularPipelineBlocks.from_pretrained, BLOCKS.save_pretrained, finish_save])
def test_an_own_save_that_became_links_is_not_finished(
    act: Callable[..., Any], place: str, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    SWAPPED[place](canary, interrupted(canary.inside, monkeypatch))
    canary.refused(lambda: act(canary.inside))


@pytest.mark.parametrize("name", NAMES)
def test_a_save_writes_through_no_link(name: str, canary: Canary) -> None:
    (canary.inside / name).symlink_to(canary.outside / "secret.txt")
    assert "is a link to" in canary.refused(lambda: BLOCKS.save_pretrained(canary.inside))


@pytest.mark.parametrize("name", ["vae", "vae/config.json"])
def test_a_save_of_components_writes_through_no_link(name: str, canary: Canary, embedded_pipe: ModularPipeline) -> None:
    pipe = BLOCKS.init_pipeline()
    pipe.update_components(vae=embedded_pipe.vae)
    _link(canary.inside / name, canary.outside / ("config.json" if "." in name else "folder"))
    assert "is a link to" in canary.refused(lambda: pipe.save_pretrained(canary.inside))


@pytest.mark.parametrize("swapped", ["target", "source"])
def test_a_folder_that_becomes_a_link_during_a_move_is_not_followed(
    swapped: str, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(canary.inside / STAGE, {"folder/secret.txt": "new"})
    (canary.inside / "folder").mkdir()
    place = canary.inside / "folder" if swapped == "target" else canary.inside / STAGE / "folder"
    replace = os.replace

    def then_swap(*args: Any, **options: Any) -> None:
        place.rename(canary.inside / "away")
        place.symlink_to(canary.outside / "folder")
        replace(*args, **options)

    monkeypatch.setattr(os, "replace", then_swap)
    folder_update._move(canary.inside, STAGE, "folder/secret.txt")
    assert (canary.outside / "folder" / "secret.txt").read_text() == SECRET
    assert "new" in [path.read_text() for path in canary.inside.rglob("secret.txt") if not path.is_symlink()]


def test_what_another_program_calls_like_a_hidden_folder_is_kept(canary: Canary) -> None:
    write(canary.inside / STAGE, {"mine.txt": "kept"})
    BLOCKS.save_pretrained(canary.inside)
    assert (canary.inside / STAGE / "mine.txt").read_text() == "kept"
    assert json.loads((canary.inside / "brickwork.json").read_text())["brickwork"] == 1
