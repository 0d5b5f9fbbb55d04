"""Component specs: both spellings, loading, creating, describing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import EulerDiscreteScheduler, UNet2DConditionModel
from transformers import CLIPTokenizer

from brickwork import ClassifierFreeGuidance, ComponentError, ComponentSpec, TrustError
from brickwork.registry import allow_library, classes


def test_repo_and_the_long_name_are_one_field() -> None:
    spec = ComponentSpec("unet", UNet2DConditionModel, repo="a/b", subfolder="unet")
    assert spec.pretrained_model_name_or_path == "a/b"
    spec.repo = "c/d"
    assert spec.pretrained_model_name_or_path == "c/d"
    spec.pretrained_model_name_or_path = "e/f"
    assert spec.repo == "e/f"
    with pytest.raises(ComponentError, match="two spellings of one thing"):
        ComponentSpec("unet", repo="a", pretrained_model_name_or_path="b")


def test_e18_a_loaded_component_remembers_its_origin(tiny_folder: Path) -> None:
    spec = ComponentSpec("unet", UNet2DConditionModel, repo=str(tiny_folder), subfolder="unet")
    unet = spec.load(torch_dtype=torch.float16)
    assert unet.dtype == torch.float16
    assert unet._diffusers_load_id == spec.load_id == f"{tiny_folder}|unet|null|null"
    assert ComponentSpec.decode_load_id(spec.load_id)["subfolder"] == "unet"


def test_e20_a_component_is_described_and_loaded_again(tiny_folder: Path) -> None:
    first = ComponentSpec("unet", UNet2DConditionModel, repo=str(tiny_folder), subfolder="unet").load()
    spec = ComponentSpec.from_component("unet", first)
    second = spec.load()
    assert spec == ComponentSpec("unet", repo=str(tiny_folder), subfolder="unet")
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_e21_editing_a_copy_leaves_the_original(tiny_folder: Path) -> None:
    spec = ComponentSpec("unet", UNet2DConditionModel, repo=str(tiny_folder), subfolder="unet")
    other = spec.copy()
    other.repo = "elsewhere"
    assert spec.repo == str(tiny_folder)
    with pytest.raises(ComponentError, match="could not be loaded from elsewhere/unet"):
        other.load()


def test_objects_with_a_config_are_described_by_it() -> None:
    scheduler = EulerDiscreteScheduler(num_train_timesteps=100)
    spec = ComponentSpec.from_component("scheduler", scheduler)
    assert spec.default_creation_method == "from_config"
    assert spec.load_id == "null"
    assert spec.create().config.num_train_timesteps == 100
    assert spec.create(num_train_timesteps=5).config.num_train_timesteps == 5


def test_e62_a_guider_is_created_with_another_scale() -> None:
    spec = ComponentSpec.from_component("guider", ClassifierFreeGuidance(guidance_scale=3.0))
    assert spec.create(guidance_scale=10).guidance_scale == 10
    spec.config = {**spec.config, "guidance_scale": 4.0}
    assert spec.create().guidance_scale == 4.0


def test_weights_of_unknown_origin_cannot_be_described(tiny_pipe: Any) -> None:
    unet = UNet2DConditionModel.from_config(tiny_pipe.unet.config)
    with pytest.raises(ComponentError, match="'unet' is a UNet2DConditionModel of unknown origin"):
        ComponentSpec.from_component("unet", unet)
    with pytest.raises(ComponentError, match="without a config"):
        ComponentSpec.from_component("thing", 3)


def test_what_cannot_be_made_says_why(tiny_folder: Path) -> None:
    with pytest.raises(ComponentError, match="'unet' has no origin: set its repo"):
        ComponentSpec("unet", UNet2DConditionModel).load()
    with pytest.raises(ComponentError, match="its type_hint is None"):
        ComponentSpec("unet").create()
    with pytest.raises(
        ComponentError, match="ClassifierFreeGuidance could not be created.*Did you mean 'guidance_scale'"
    ):
        ComponentSpec("guider", ClassifierFreeGuidance, config={"guidence_scale": 1}).create()
    with pytest.raises(ComponentError, match="'from_config' or 'from_pretrained'"):
        ComponentSpec("x", default_creation_method="from_thin_air")
    with pytest.raises(ComponentError, match="two spellings of one thing"):
        ComponentSpec("unet", UNet2DConditionModel, repo=str(tiny_folder)).load(
            dtype=torch.half, torch_dtype=torch.float
        )


def test_classes_are_named_within_an_allow_list() -> None:
    assert ComponentSpec("t", "transformers:CLIPTokenizer").type_hint is CLIPTokenizer
    assert ComponentSpec("t", "transformers:CLIPTokenizer").type_name == ("transformers", "CLIPTokenizer")
    with pytest.raises(TrustError, match="'system' of 'os'.*brickwork, diffusers, tokenizers, transformers only"):
        _ = ComponentSpec("t", "os:system").type_hint
    with pytest.raises(ComponentError, match="Did you mean 'CLIPTokenizer'"):
        _ = ComponentSpec("t", "transformers:CLIPTokeniser").type_hint
    for private in ("diffusers:__loader__", "diffusers:utils"):
        with pytest.raises(ComponentError, match="has no class"):
            _ = ComponentSpec("t", private).type_hint


def test_a_library_of_the_callers_own_is_granted_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_models.py").write_text("class Mine:\n    config_name = 'x'\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(classes, "_granted", set())
    with pytest.raises(TrustError, match=r"grant it with brickwork.registry.allow_library\('my_models'\)"):
        _ = ComponentSpec("t", "my_models:Mine").type_hint
    allow_library("my_models")
    assert ComponentSpec("t", "my_models:Mine").type_hint.__name__ == "Mine"
    with pytest.raises(TrustError, match="grant the top level"):
        allow_library("os.path")


def test_specs_without_a_class_find_it_from_the_files(tiny_folder: Path) -> None:
    spec = ComponentSpec("unet", repo=str(tiny_folder), subfolder="unet")
    assert isinstance(spec.load(), UNet2DConditionModel)
    assert spec.type_hint is UNet2DConditionModel


def test_tokenizers_take_no_number_format(tiny_folder: Path) -> None:
    spec = ComponentSpec("tokenizer", CLIPTokenizer, repo=str(tiny_folder), subfolder="tokenizer")
    assert spec.load(dtype=torch.float16).model_max_length == 16


def test_specs_show_what_matters() -> None:
    assert "repo" not in repr(
        ComponentSpec("guider", ClassifierFreeGuidance, config={}, default_creation_method="from_config")
    )
    assert "subfolder='unet'" in repr(ComponentSpec("unet", UNet2DConditionModel, repo="a/b", subfolder="unet"))
    spec = ComponentSpec("unet", repo="a/b")
    assert hash(spec) == hash(spec.copy())
    assert spec != 3
