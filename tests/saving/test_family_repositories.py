"""Repositories of every family: of the classic pipelines, and ours, here and in diffusers."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from attrs import frozen
from family_rows.kandinsky22 import NEGATIVE
from family_table import Family, families, image_differences

import brickwork
from brickwork import ComponentError, ModularPipeline

FAMILIES = {name: family for name, family in families().items() if name not in ("wan_frame", "hunyuan_video_15")}
"""Wan of one frame has no classic of its own: its repositories are Wan's, and open as that. Those of HunyuanVideo 1.5, of which diffusers
gives one layer a width of its own whatever the configuration says, are in tests/presets/test_hunyuan_video_15.py.
"""
OPENED_BY_US = ("auraflow", "cogview4", "hidream", "hunyuan_dit", "lumina2", "pixart", "sana", "sana_sprint")
"""Of the others is seen, too, that diffusers opens what is saved of them by the same code, and that a class that does not fit is refused."""

BY_ADDRESS = ("stable_audio",)
"""Their networks round by where weights lie in memory; the classic is then asked with the very weights that were loaded."""
ALSO_GIVEN = {"kandinsky22": NEGATIVE}
"""Without them an image encoder sees zeros, which rounds by where its weights lie in memory, and they lie elsewhere once they are loaded."""


@frozen(eq=False)
class Repository:
    """A folder that a classic pipeline has saved, and what that pipeline draws."""

    family: Family
    folder: Path
    given: dict[str, Any]
    images: Any

    def draw(self, pipe: Any) -> Any:
        return pipe(**self.given, generator=torch.Generator().manual_seed(7), output=self.family.output)

    def differences(self, pipe: Any) -> list[str]:
        """Say in what a pipeline draws something else; a little, where the classic predicts one branch after the other."""
        drawn = self.draw(pipe)
        if self.family.name in BY_ADDRESS:
            return image_differences(drawn, drawn_by_classic(self.family, self.given, pipe.components))
        if self.family.batching == "sequential":
            return [] if float((drawn - self.images).abs().max()) <= 1e-5 else ["differ by more than 1e-5"]
        return image_differences(drawn, self.images)

    def opened(self, folder: Path) -> ModularPipeline:
        pipe = brickwork.from_pretrained(str(folder)).load_components()
        pipe.configure(progress=False)
        return pipe


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def repository(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    family = FAMILIES[request.param]
    task = next(each for each in family.tasks.values() if each.classic is not None)
    folder = tmp_path_factory.mktemp(request.param)
    family.classic(task.classic, family.parts("float32")).save_pretrained(folder)
    given = {"output_type": "pt", **task.given, **ALSO_GIVEN.get(request.param, {})}
    if request.param == "kandinsky3":
        # Its classic counts the scale of guidance twice, which rounds otherwise: the table compares both, by a guider that does so, too.
        pipe = family.ready(next(iter(family.tasks)))
        images = pipe(**given, generator=torch.Generator().manual_seed(7), output=family.output)
    else:
        images = drawn_by_classic(family, given, family.parts("float32"))
    return Repository(family, folder, given, images)


def drawn_by_classic(family: Family, given: Mapping[str, Any], parts: Mapping[str, Any]) -> Any:
    """Return what the classic pipeline draws with these components."""
    task = next(each for each in family.tasks.values() if each.classic is not None)
    theirs = family.classic(task.classic, {name: parts[name] for name in family.parts("float32")})
    asked = {**copy.deepcopy(dict(given)), **task.classic_given, "generator": torch.Generator().manual_seed(7)}
    return family.drawn_by(theirs, asked)


@pytest.mark.rotating(4)
def test_it_opens_and_draws_the_same_and_so_does_what_is_saved_of_it(repository: Repository, tmp_path: Path) -> None:
    pipe = repository.opened(repository.folder)
    assert repository.differences(pipe) == []
    pipe.save_pretrained(tmp_path / "saved")
    moved = (tmp_path / "saved").rename(tmp_path / "moved")
    assert repository.differences(repository.opened(moved)) == []
    if repository.family.name in OPENED_BY_US:
        return
    theirs = diffusers.ModularPipeline.from_pretrained(str(moved), trust_remote_code=True)
    theirs.load_components()
    theirs.set_progress_bar_config(disable=True)
    assert repository.differences(theirs) == []


@pytest.mark.rotating(4)
def test_a_component_of_a_class_that_does_not_fit_is_refused(repository: Repository, tmp_path: Path) -> None:
    if repository.family.name in OPENED_BY_US:
        pytest.skip("as of the others")
    place = Path(shutil.copytree(repository.folder, tmp_path / "wrong"))
    name = repository.family.denoiser
    index = json.loads((place / "model_index.json").read_text())
    (place / "model_index.json").write_text(json.dumps({**index, name: ["diffusers", "AutoencoderTiny"]}))
    shutil.rmtree(place / name)
    diffusers.AutoencoderTiny(
        encoder_block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8),
        num_encoder_blocks=(1, 1),
        num_decoder_blocks=(1, 1),
    ).save_pretrained(place / name)
    expected = type(repository.family.parts("float32")[name]).__name__
    with pytest.raises(ComponentError) as caught:
        brickwork.from_pretrained(str(place)).load_components([name])
    said = str(caught.value)
    assert [words for words in (repr(name), expected, "AutoencoderTiny") if words not in said] == [], said
