"""Folders that were copied, moved, renamed or published elsewhere after they were saved: they open what lies in them."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from hub_server import Hub

from brickwork import ComponentError, ModularPipeline, RepoError, load_workflow, save_workflow

WEIGHT = "conv_in.weight"


def mark(pipe: Any, value: float) -> None:
    with torch.no_grad():
        pipe.unet.get_parameter(WEIGHT).fill_(value)


def marked(place: Any) -> float:
    pipe = ModularPipeline.from_pretrained(str(place)).load_components("unet")
    return float(pipe.unet.get_parameter(WEIGHT).detach().flatten()[0])


@pytest.fixture
def pipe_of_ours(tiny_folder: Path) -> ModularPipeline:
    """A pipeline with models of its own, to change."""
    return ModularPipeline.from_pretrained(str(tiny_folder)).load_components()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["mine", "models/mine", "a/b/mine", None])
def test_a_copy_opens_its_own_weights_when_the_original_is_saved_again(
    name: str | None, pipe_of_ours: ModularPipeline, here: Path
) -> None:
    saved = str(here / "mine") if name is None else name
    mark(pipe_of_ours, 1.0)
    pipe_of_ours.save_pretrained(saved)
    shutil.copytree(saved, "copy")
    mark(pipe_of_ours, 2.0)
    pipe_of_ours.save_pretrained(saved)
    assert marked("copy") == 1.0
    assert marked(here / "copy") == 1.0
    assert marked(saved) == 2.0


def test_a_folder_of_two_names_opens_from_every_working_directory_and_never_from_the_hub(
    pipe_of_ours: ModularPipeline, here: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mark(pipe_of_ours, 3.0)
    pipe_of_ours.save_pretrained("models/mine")
    assert {spec.repo for spec in pipe_of_ours.specs.values() if spec.repo is not None} == {"./models/mine"}
    monkeypatch.chdir(here / "models")
    with caplog.at_level(logging.WARNING):
        assert marked("mine") == 3.0
        assert marked(here / "models" / "mine") == 3.0
        (here / "models" / "mine").rename(here / "models" / "final")
        assert marked("final") == 3.0
    assert not caplog.records


def test_a_pipeline_of_a_relative_folder_does_not_ask_the_hub_when_the_working_directory_changes(
    pipe_of_ours: ModularPipeline, here: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe_of_ours.save_pretrained("models/mine")
    pipe = ModularPipeline.from_pretrained("models/mine")
    save_workflow(pipe, here / "flow.yaml")
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    with pytest.raises(ComponentError, match=r"no folder ./models/mine, and that is no name of a Hub repository"):
        pipe.load_components("unet")
    with pytest.raises(RepoError, match=r"^./models/mine is no folder on this machine, and no name of a Hub"):
        load_workflow(here / "flow.yaml")


def test_what_is_not_loaded_keeps_a_name_that_cannot_be_on_the_hub(
    pipe_of_ours: ModularPipeline, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe_of_ours.save_pretrained("models/base")
    pipe = ModularPipeline.from_pretrained("models/base")
    pipe.save_pretrained("models/derived")
    index = json.loads((here / "models/derived/modular_model_index.json").read_text())
    assert index["unet"][2]["pretrained_model_name_or_path"] == "./models/base"
    pipe.save_pretrained(here / "models" / "base")  # the same folder by another name
    shutil.copytree("models/base", "copy")
    shutil.rmtree("models")
    assert ModularPipeline.from_pretrained("copy").get_component_spec("unet").repo == "copy"


def test_an_entry_that_was_pointed_elsewhere_by_hand_is_from_there(pipe_of_ours: ModularPipeline, here: Path) -> None:
    mark(pipe_of_ours, 1.0)
    pipe_of_ours.save_pretrained("other")
    mark(pipe_of_ours, 2.0)
    pipe_of_ours.save_pretrained("mine")
    path = here / "mine" / "modular_model_index.json"
    index = json.loads(path.read_text())
    index["unet"][2]["pretrained_model_name_or_path"] = "other"
    path.write_text(json.dumps(index))
    assert marked("mine") == 1.0


def test_diffusers_opens_a_folder_of_two_names_from_where_it_was_saved(
    pipe_of_ours: ModularPipeline, here: Path
) -> None:
    mark(pipe_of_ours, 4.0)
    pipe_of_ours.save_pretrained("models/mine")
    theirs = diffusers.ModularPipeline.from_pretrained("models/mine", trust_remote_code=True)
    theirs.load_components(names="unet")
    assert float(theirs.unet.get_parameter(WEIGHT).detach().flatten()[0]) == 4.0


def test_a_published_repository_opens_its_own_weights_as_a_folder_and_under_another_name(
    pipe_of_ours: ModularPipeline, here: Path, hub: Hub
) -> None:
    from huggingface_hub import HfApi, snapshot_download

    mark(pipe_of_ours, 1.0)
    pipe_of_ours.push_to_hub("me/mine")
    snapshot_download("me/mine", local_dir="mine")
    mark(pipe_of_ours, 2.0)
    pipe_of_ours.push_to_hub("me/mine")
    assert marked("mine") == 1.0
    assert marked("me/mine") == 2.0
    api = HfApi()
    api.create_repo("you/theirs", exist_ok=True)
    api.upload_folder(repo_id="you/theirs", folder_path="mine", ignore_patterns=".cache/*")
    assert marked("you/theirs") == 1.0
