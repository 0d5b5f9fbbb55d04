"""Commits that `brickwork.json` pins components to: only where the index says nothing else, and only if they are text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from block_repo import write

from brickwork import ModularPipeline, RepoError, SequentialPipelineBlocks
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS
from brickwork.saving.composition import describe

COMMIT = "a" * 40


def revision_of(folder: Path, pin: Any, repo: str = "you/models", revision: str | None = None) -> str | None:
    """The revision of a component whose entry in the index, and whose pin, say these things."""
    inside = repo == str(folder)
    loading = {"pretrained_model_name_or_path": repo, "subfolder": "unet", "revision": revision}
    entry = {"repo": "." if inside else repo, "subfolder": "unet", "variant": None, "revision": revision}
    files = {
        "modular_model_index.json": {"unet": ["diffusers", "UNet2DConditionModel", loading]},
        "brickwork.json": {
            "brickwork": 1,
            "composition": describe(SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)),
            "pins": {"unet": pin if isinstance(pin, int) else {"entry": entry, "commit": pin[0]}},
        },
    }
    found: str | None = ModularPipeline.from_pretrained(write(folder, files)).specs["unet"].revision
    return found


def test_a_pin_says_the_commit_where_the_index_says_none(tmp_path: Path) -> None:
    assert revision_of(tmp_path, [COMMIT]) == COMMIT


def test_a_pin_does_not_overwrite_a_revision(tmp_path: Path) -> None:
    assert revision_of(tmp_path, [COMMIT], revision="v1") == "v1"


def test_a_component_of_the_repository_itself_is_of_its_commit(tmp_path: Path) -> None:
    assert revision_of(tmp_path, [COMMIT], repo=str(tmp_path)) is None


def test_a_pin_without_a_commit_pins_nothing(tmp_path: Path) -> None:
    assert revision_of(tmp_path, [None]) is None


@pytest.mark.parametrize("pin", [[40], [[COMMIT]], [True], 7])
def test_a_pin_that_is_no_text_is_refused_with_its_place(pin: Any, tmp_path: Path) -> None:
    with pytest.raises(RepoError, match=r"is broken: pins\.unet(\.commit)?: expected (str or None|dict), got"):
        revision_of(tmp_path, pin)
