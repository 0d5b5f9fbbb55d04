"""Repositories that name a classic pipeline without a preset: diffusers' class runs; a pipeline of their own runs where it is granted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from classic_rows import ROWS
from classic_rows.row import theirs
from toy_blocks import seeded

import brickwork
from brickwork import CompositionError, TrustError

pytestmark = pytest.mark.filterwarnings("ignore:.*safety checker.*")


def index(folder: Path, **entries: Any) -> str:
    (folder / "model_index.json").write_text(json.dumps({"_diffusers_version": "0.42.1", **entries}))
    return str(folder)


def test_a_saved_pipeline_opens_as_its_class_and_gives_the_same(tmp_path: Path) -> None:
    row = ROWS["StableDiffusionPAGPipeline"]
    parts = row.parts()
    classic = diffusers.StableDiffusionPAGPipeline(**parts, safety_checker=None, feature_extractor=None, **row.configs)
    classic.save_pretrained(tmp_path)
    pipe = brickwork.from_pretrained(str(tmp_path)).load_components()
    pipe.configure(progress=False)
    assert not pipe.config["requires_safety_checker"]
    expected = theirs(diffusers.StableDiffusionPAGPipeline, row, parts)["images"]
    assert np.array_equal(pipe(**row.inputs, generator=seeded(1), output="images"), expected)
    assert (
        "StableDiffusionPAGPipeline has no preset, so the classic pipeline of diffusers runs, adopted as one step"
        in pipe.notes[0]
    )


def test_a_task_takes_another_pipeline_of_the_family(tmp_path: Path) -> None:
    folder = index(tmp_path, _class_name="WuerstchenCombinedPipeline")
    assert type(brickwork.from_pretrained(folder).blocks).__name__ == "WuerstchenCombinedPipeline"
    with pytest.raises(
        CompositionError,
        match=r"WuerstchenCombinedPipeline\) opens with the classic pipeline .* no task 'inpainting'.*Its tasks: text2image",
    ):
        brickwork.from_pretrained(folder, task="inpainting")
    several = index(tmp_path, _class_name="KandinskyPipeline")
    assert type(brickwork.from_pretrained(several, task="inpainting").blocks).__name__ == "KandinskyInpaintPipeline"
    lone = index(tmp_path, _class_name="DanceDiffusionPipeline")
    with pytest.raises(CompositionError, match="diffusers knows no other task of its family"):
        brickwork.from_pretrained(lone, task="text2image")


def test_a_preset_and_modular_blocks_come_first(tmp_path: Path) -> None:
    assert brickwork.from_pretrained(index(tmp_path, _class_name="StableDiffusionPipeline")).notes == []
    peers = brickwork.from_pretrained(index(tmp_path, _class_name="HeliosPipeline"))
    assert peers.notes == ["HeliosPipeline has no preset, so diffusers' modular blocks for it run, adopted."]


def test_a_class_that_needs_a_package_says_which(tmp_path: Path) -> None:
    with pytest.raises(
        CompositionError,
        match=r"KolorsPAGPipeline, which diffusers has only where sentencepiece can be imported\. Install it, .*: pip install sentencepiece, or "
        r"pip install 'brickwork\[families\]'$",
    ):
        brickwork.from_pretrained(index(tmp_path, _class_name="KolorsPAGPipeline"))


PIPELINE = """
import torch
from diffusers import DiffusionPipeline, ImagePipelineOutput


class Noise(DiffusionPipeline):
    "Draws noise."

    def __init__(self, unet=None, strong: float = 1.0):
        super().__init__()
        self.register_to_config(strong=strong)

    def __call__(self, size: int, generator=None) -> ImagePipelineOutput:
        return ImagePipelineOutput(images=self.config.strong * torch.randn(1, 3, size, size, generator=generator))
"""


def test_a_pipeline_of_the_repositorys_own_runs_where_it_is_granted(tmp_path: Path) -> None:
    (tmp_path / "repo").mkdir()
    folder = index(tmp_path / "repo", _class_name=["pipeline", "Noise"], strong=3.0)
    (tmp_path / "repo" / "pipeline.py").write_text(PIPELINE)
    lock = tmp_path / "lock"
    with pytest.raises(TrustError, match="pipeline.py"):
        brickwork.from_pretrained(folder, lock=lock)
    pipe = brickwork.from_pretrained(folder, trust_remote_code=True, lock=lock)
    assert torch.equal(
        pipe(size=2, generator=seeded(1), output="images"), 3 * torch.randn(1, 3, 2, 2, generator=seeded(1))
    )
    assert "brings a pipeline of its own (Noise), which runs as one step" in pipe.notes[0]
    with pytest.raises(CompositionError, match="brings its own blocks"):
        brickwork.from_pretrained(folder, trust_remote_code=True, lock=lock, task="inpainting")


@pytest.mark.parametrize("named", [["../pipeline", "Noise"], ["pipeline"], ["pipeline", 3], ["os", "system", "x"]])
def test_a_name_that_leads_out_of_the_repository_is_refused(named: Any, tmp_path: Path) -> None:
    with pytest.raises(TrustError, match="_class_name is .*it must name a file and a class in it"):
        brickwork.from_pretrained(index(tmp_path, _class_name=named), trust_remote_code=True, lock=tmp_path / "lock")


def test_a_composition_may_name_no_class_beside_pipelines_and_blocks(tmp_path: Path) -> None:
    from brickwork.blocks.core.block_catalog import BlockResolver

    for name in (
        "diffusers.pipelines.pipeline_utils:variant_compatible_siblings",
        "diffusers.pipelines.free_init_utils:FreeInitMixin",
    ):
        with pytest.raises(CompositionError, match="diffusers has no block or pipeline"):
            BlockResolver().find(name)
