"""Index files of repositories."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from brickwork import CompositionError, RepoError, TrustError
from brickwork.registry import Catalog, ComponentSpec, read_index
from brickwork.registry.hub.repo import Repo
from brickwork.registry.index import origin_faults


def write(folder: Path, name: str, entries: Any) -> None:
    (folder / name).write_text(json.dumps(entries))


def test_a_modular_index_names_origins_from_several_repositories(tmp_path: Path) -> None:
    loading = {"pretrained_model_name_or_path": "a/b", "subfolder": "unet", "variant": "fp16", "revision": "abc"}
    write(
        tmp_path,
        "modular_model_index.json",
        {
            "_class_name": "StableDiffusionXLModularPipeline",
            "unet": ["diffusers", "UNet2DConditionModel", loading],
            "vae": [None, None, {"repo": "c/d", "type_hint": ["diffusers", "AutoencoderKL"]}],
            "bare": [None, None, {"repo": "e/f"}],
            "force_zeros_for_empty_prompt": False,
        },
    )
    index = read_index(tmp_path)
    assert index.class_name == "StableDiffusionXLModularPipeline"
    assert index.specs["unet"].load_id == "a/b|unet|fp16|abc"
    assert index.specs["vae"].type_name == ("diffusers", "AutoencoderKL")
    assert index.specs["vae"].repo == "c/d"
    assert index.specs["bare"].type_hint is None
    assert dict(index.configs) == {"force_zeros_for_empty_prompt": False}


def test_a_classic_index_names_its_own_folders(tmp_path: Path) -> None:
    entries = {
        "_class_name": "X",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "image_encoder": [None, None],
        "flag": True,
    }
    write(tmp_path, "model_index.json", entries)
    index = read_index(tmp_path)
    assert list(index.specs) == ["unet"]
    assert index.specs["unet"].load_id == f"{tmp_path}|unet|null|null"
    assert dict(index.configs) == {"flag": True}


def test_an_index_that_is_no_object_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "model_index.json", [1])
    with pytest.raises(RepoError, match="holds no JSON object"):
        read_index(tmp_path)


def test_a_repository_that_cannot_be_reached_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        RepoError, match="nobody/nothing is no folder here, main of it is not in the cache, and the Hub cannot be"
    ):
        read_index("nobody/nothing", cache_dir=tmp_path)


def test_the_catalog_names_the_nearest_and_keeps_names_unique() -> None:
    names = Catalog({"sdxl.text2image": "brickwork.presets.sdxl:TEXT2IMAGE_BLOCKS"})
    assert "decode" in names.get("sdxl.text2image")
    assert list(names) == ["sdxl.text2image"]
    with pytest.raises(CompositionError, match="Nothing is named 'sdxl.text2img'. Did you mean 'sdxl.text2image'"):
        names.get("sdxl.text2img")
    names.register("mine", "a:b")
    assert "mine" in names
    with pytest.raises(CompositionError, match="'mine' is taken by a:b; c:d needs another"):
        names.register("mine", "c:d")


@pytest.mark.parametrize(
    ("name", "entry", "message"),
    [
        ("modular_model_index.json", ["diffusers", "AutoencoderKL", 7], "'vae' does not say where it is from, got 7"),
        ("modular_model_index.json", [None, None, None], "'vae' does not say where it is from, got None"),
    ],
)
def test_an_entry_that_is_half_a_component_is_said(name: str, entry: Any, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(json.dumps({"vae": entry}))
    with pytest.raises(RepoError, match=message):
        read_index(tmp_path)


@pytest.mark.parametrize("entry", [[1, 2, 3], [1, 2], ["a"], {"a": 1}, "text", [True, "x", {}]])
@pytest.mark.parametrize("name", ["modular_model_index.json", "model_index.json"])
def test_other_entries_are_settings(name: str, entry: Any, tmp_path: Path) -> None:
    (tmp_path / name).write_text(json.dumps({"setting": entry}))
    assert read_index(tmp_path).configs == {"setting": entry}


def test_a_name_that_is_longer_than_any_is_named_by_its_beginning(tmp_path: Path) -> None:
    name = "me/" + "n" * 256
    spec = ComponentSpec("unet", repo=name)
    assert list(origin_faults(spec, Repo("here", tmp_path))) == [f"{name[:80]!r}... is longer than any name."]
    assert list(origin_faults(ComponentSpec("unet", repo="me/" + "n" * 255), Repo("here", tmp_path))) == []


@pytest.mark.parametrize("name", ["/tmp/x" + "\\" * 300, "a/" * 501], ids=["backslashes", "long path"])
def test_a_name_that_the_system_would_not_take_is_refused_before_it_is_asked(name: str, tmp_path: Path) -> None:
    write(tmp_path, "modular_model_index.json", {"unet": ["diffusers", "X", {"pretrained_model_name_or_path": name}]})
    with pytest.raises(TrustError, match="is longer than any name"):
        read_index(tmp_path)
