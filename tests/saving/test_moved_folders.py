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

from brickwork import ComponentError, ModularPipeline, RepoError, TrustError, load_workflow, save_workflow

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
    with pytest.raises(
        RepoError,
        match=r"^flow.yaml, line 3, column 1: ./models/mine is no folder on this machine, and no name of a Hub",
    ):
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


def copy_of_a_hub_repository(folder: Path, **entry: Any) -> Path:
    """Return a folder as `hf download --local-dir` makes it: its index names the repository on the Hub."""
    classic = folder / "model_index.json"
    if classic.exists():
        classic.unlink()
    origin = {"pretrained_model_name_or_path": "someone/their-model", "subfolder": "unet", "variant": None, **entry}
    named = ["diffusers", "UNet2DConditionModel"]
    index = {
        "_class_name": "StableDiffusionXLModularPipeline",
        "unet": [*named, {**origin, "type_hint": named}],
    }
    (folder / "modular_model_index.json").write_text(json.dumps(index))
    return folder


@pytest.mark.parametrize("revision", [None, "main", "fp16", "0123456789abcdef0123456789abcdef01234567"])
def test_a_local_copy_of_a_hub_repository_uses_its_own_files(
    revision: str | None, tiny_folder: Path, tmp_path: Path
) -> None:
    folder = copy_of_a_hub_repository(Path(shutil.copytree(tiny_folder, tmp_path / "copy")), revision=revision)
    pipe = ModularPipeline.from_pretrained(str(folder)).load_components("unet")
    spec = pipe.get_component_spec("unet")
    assert (spec.repo, spec.revision) == (str(folder), None)
    assert pipe.unet is not None


@pytest.mark.parametrize("held", ["nothing", "a config alone", "another folder"])
def test_what_a_local_copy_does_not_hold_stays_on_the_hub(held: str, tiny_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    if held == "a config alone":
        shutil.copy(tiny_folder / "unet" / "config.json", tmp_path / "unet")
    if held == "another folder":
        shutil.copytree(tiny_folder / "unet", tmp_path / "unet_2")
    folder = copy_of_a_hub_repository(tmp_path)
    assert ModularPipeline.from_pretrained(str(folder)).get_component_spec("unet").repo == "someone/their-model"


def test_a_folder_that_the_name_of_a_hub_repository_leads_to_comes_before_a_copy(tiny_folder: Path, here: Path) -> None:
    shutil.copytree(tiny_folder, here / "someone" / "their-model")
    copy_of_a_hub_repository(Path(shutil.copytree(tiny_folder, "copy")))
    assert ModularPipeline.from_pretrained("copy").get_component_spec("unet").repo == "someone/their-model"


def test_what_was_saved_with_its_own_name_is_no_copy_of_what_it_names(
    pipe_of_ours: ModularPipeline, here: Path
) -> None:
    pipe_of_ours.save_pretrained("mine")
    copy_of_a_hub_repository(here / "mine")
    assert ModularPipeline.from_pretrained("mine").get_component_spec("unet").repo == "someone/their-model"


@pytest.mark.parametrize("subfolder", ["../unet", "/unet", ""])
def test_no_entry_of_a_copy_leads_out_of_it(subfolder: str, tiny_folder: Path, tmp_path: Path) -> None:
    inner = Path(shutil.copytree(tiny_folder, tmp_path / "copy" / "inner"))
    shutil.copytree(tiny_folder / "unet", tmp_path / "copy" / "unet")
    folder = copy_of_a_hub_repository(inner, subfolder=subfolder)
    if subfolder:
        with pytest.raises(TrustError, match="is refused"):
            ModularPipeline.from_pretrained(str(folder))
    else:
        assert ModularPipeline.from_pretrained(str(folder)).get_component_spec("unet").repo == "someone/their-model"
