"""What cannot be written is said in an error of ours that names the place, and leaves nothing behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from foreign_files import Add, Count, counting
from full_disk import on_a_full_disk
from PIL import Image

import brickwork
from brickwork import (
    ClassifierFreeGuidance,
    InputError,
    ModularPipeline,
    RepoError,
    SequentialPipelineBlocks,
    Snapshot,
    Snapshots,
    save_workflow,
)
from brickwork.engine.listeners import ChromeTrace
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS
from brickwork.registry.hub.lock import Lock, LockedRepo
from brickwork.state.limits import LARGEST_RECIPE

FILES = ("picture", "image with inputs", "recipe", "snapshot", "workflow", "trace", "graph", "lock")
FOLDERS = ("guider", "blocks", "pipeline")
Writer = Callable[[Path], object]


@pytest.fixture(scope="module")
def writers(_loaded: ModularPipeline, tiny_folder: Path) -> dict[str, Writer]:
    """Everything that writes, by name; each takes where to."""
    pipe, found = counting(), list[Snapshot]()
    pipe.configure(snapshots=Snapshots(found.append))
    given = {"x": torch.ones(2)}
    recipe = pipe(iterations=2, **given).recipe
    pipe.configure(snapshots=None)
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    picture.info["brickwork"] = recipe.of_image(0)
    parts = ModularPipeline.from_pretrained(str(tiny_folder))
    parts.update_components(tokenizer=_loaded.tokenizer, vae=_loaded.vae, scheduler=_loaded.scheduler)

    def traced(path: Path) -> None:
        pipe.configure(listeners=[ChromeTrace(path)])
        try:
            pipe(iterations=2, **given)
        finally:
            pipe.configure(listeners=[])

    return {
        "picture": lambda path: brickwork.save(picture, path.with_name(f"{path.name}.png")),
        "image with inputs": lambda path: brickwork.save(
            picture, path.with_name(f"{path.name}.png"), inputs="embed", given=given
        ),
        "recipe": recipe.save,
        "snapshot": found[0].save,
        "workflow": lambda path: save_workflow(pipe, path),
        "trace": traced,
        "graph": lambda path: pipe.graph().save(path),
        "lock": lambda path: Lock(path).record("a/b", LockedRepo("0" * 40)),
        "guider": lambda path: ClassifierFreeGuidance().save_pretrained(str(path)),
        "blocks": lambda path: SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).save_pretrained(path),
        "pipeline": lambda path: parts.save_pretrained(path),
    }


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.name.endswith(".writing"))


@pytest.mark.parametrize("name", [*FILES, *FOLDERS])
def test_what_can_be_written_is(name: str, writers: dict[str, Writer], tmp_path: Path) -> None:
    writers[name](tmp_path / "there")
    assert left(tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_a_folder_in_the_place_is_said(name: str, writers: dict[str, Writer], tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there.png").mkdir()
    before = left(tmp_path)
    with pytest.raises(RepoError, match="there.*(annot be written|no ordinary file|is a folder)"):
        writers[name](tmp_path / "there")
    assert left(tmp_path) == before


@pytest.mark.parametrize("name", [*FILES, *FOLDERS])
def test_a_place_within_a_file_is_said(name: str, writers: dict[str, Writer], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises((RepoError, InputError), match="file"):
        writers[name](tmp_path / "file" / "there")
    assert left(tmp_path) == ["file"]


@pytest.mark.parametrize("name", [name for name in FILES if name != "lock"])
def test_a_folder_that_is_not_there_is_said(name: str, writers: dict[str, Writer], tmp_path: Path) -> None:
    with pytest.raises((RepoError, InputError), match="none"):
        writers[name](tmp_path / "none" / "there")
    assert left(tmp_path) == []


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder that nobody can write to")
@pytest.mark.parametrize("name", [name for name in (*FILES, *FOLDERS) if name != "lock"])  # which waits for others
def test_a_place_that_nobody_can_write_to_is_said(name: str, writers: dict[str, Writer]) -> None:
    with pytest.raises((RepoError, InputError), match="/proc/self/fdinfo"):
        writers[name](Path("/proc/self/fdinfo/there"))


@pytest.mark.parametrize("place", ["x" * 300, "a\0b", "\ud800"], ids=["long", "zero byte", "half a character"])
@pytest.mark.parametrize("name", [*FILES, *FOLDERS])
def test_a_name_that_no_file_can_have_is_said(
    name: str, place: str, writers: dict[str, Writer], tmp_path: Path
) -> None:
    with pytest.raises((RepoError, InputError)):
        writers[name](tmp_path / place)
    assert left(tmp_path) == []


@pytest.mark.parametrize("name", FILES)
def test_a_long_name_that_a_file_can_have_is_written(name: str, writers: dict[str, Writer], tmp_path: Path) -> None:
    writers[name](tmp_path / ("x" * 240))
    assert left(tmp_path)


@pytest.mark.rotating(4)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the full disk is made in a fork")
@pytest.mark.parametrize("limit", [0, 100, 3000])
@pytest.mark.parametrize("name", [*FILES, *FOLDERS])
def test_a_full_disk_is_said_and_leaves_what_was_there(
    name: str, limit: int, writers: dict[str, Writer], tmp_path: Path
) -> None:
    kind, text = on_a_full_disk(limit, lambda: writers[name](tmp_path / "there"))
    if kind == "" and limit:  # it is small
        return
    # The first thing that a save writes is its note in the user's own folder.
    assert (kind, "File too large" in text, "there" in text or "/saves/" in text) == ("RepoError", True, True), text
    assert [each for each in left(tmp_path) if each not in ("there", "there/.brickwork-lock")] == []


@pytest.mark.parametrize("given", [7, "picture", None, [Image.new("RGB", (2, 2)), 3]])
def test_what_is_no_picture_is_not_saved(given: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no image"):
        brickwork.save(given, tmp_path / "a.png")
    assert left(tmp_path) == []


@pytest.mark.parametrize("mode", ["F", "HSV", "CMYK"])
def test_a_mode_that_the_format_does_not_have_is_saved_as_rgb(mode: str, tmp_path: Path) -> None:
    brickwork.save(Image.new(mode, (2, 2)), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert (image.mode, image.size) == ("RGB", (2, 2))


# What the reader would refuse


def large_run() -> Any:
    """A run whose recipe is larger than recipes are read."""
    pipe = counting()
    pipe.input_defaults = {}
    recipe = pipe(iterations=1, x=torch.ones(1)).recipe
    return type(recipe)({**recipe._known, "notes": ["x" * 1000] * (LARGEST_RECIPE // 1000)}, recipe._late)


def test_a_recipe_that_would_not_be_read_is_not_written(tmp_path: Path) -> None:
    recipe = large_run()
    with pytest.raises(
        RepoError, match=r"The recipe has 1,\d{3},\d{3} bytes; at most 1,048,576 are read. So it is not written"
    ):
        recipe.save(tmp_path / "recipe.json")
    picture = Image.new("RGB", (2, 2))
    picture.info["brickwork"] = recipe
    with pytest.raises(RepoError, match="at most 1,048,576 are read. So it is not written"):
        brickwork.save(picture, tmp_path / "a.png")
    assert left(tmp_path) == []
    brickwork.save(picture, tmp_path / "a.png", recipe=False)


def test_a_workflow_that_would_not_be_read_is_not_written(tmp_path: Path) -> None:
    pipe = counting()
    for value in ("x" * 300_000, list(range(20_000))):
        pipe.input_defaults = {"iterations": value}
        with pytest.raises(RepoError, match="cannot be written: .*(are read|more than 10,000 values)"):
            save_workflow(pipe, tmp_path / "w.yaml")
    assert left(tmp_path) == []


def test_a_guider_that_would_not_be_read_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(RepoError, match="at most 1,000,000 are read. So it is not written"):
        ClassifierFreeGuidance(guidance_scale=[1.25] * 200_000).save_pretrained(str(tmp_path))
    assert left(tmp_path) == []


def test_blocks_are_named_by_class(tmp_path: Path) -> None:
    pipe = counting()
    save_workflow(pipe, tmp_path / "w.yaml")
    assert brickwork.load_workflow(tmp_path / "w.yaml", blocks=[Add, Count])
