"""Component specs: both spellings, loading, creating, describing."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import EulerDiscreteScheduler, UNet2DConditionModel
from transformers import CLIPTokenizer

from brickwork import ClassifierFreeGuidance, ComponentError, ComponentSpec, TrustError
from brickwork.registry import allow_library
from brickwork.registry.hub.repo_paths import file_in
from brickwork.registry.loading import classes


def test_repo_and_the_long_name_are_one_field() -> None:
    spec = ComponentSpec("unet", UNet2DConditionModel, repo="a/b", subfolder="unet")
    assert spec.pretrained_model_name_or_path == "a/b"
    spec.repo = "c/d"
    assert spec.pretrained_model_name_or_path == "c/d"
    spec.pretrained_model_name_or_path = "e/f"
    assert spec.repo == "e/f"
    with pytest.raises(ComponentError, match="two spellings of one thing"):
        ComponentSpec("unet", repo="a", pretrained_model_name_or_path="b")


def test_a_loaded_component_remembers_its_origin(tiny_folder: Path) -> None:
    spec = ComponentSpec("unet", UNet2DConditionModel, repo=str(tiny_folder), subfolder="unet")
    unet = spec.load(torch_dtype=torch.float16)
    assert unet.dtype == torch.float16
    assert unet._diffusers_load_id == spec.load_id == f"{tiny_folder}|unet|null|null"
    assert ComponentSpec.decode_load_id(spec.load_id)["subfolder"] == "unet"


def test_a_component_is_described_and_loaded_again(tiny_folder: Path) -> None:
    first = ComponentSpec("unet", UNet2DConditionModel, repo=str(tiny_folder), subfolder="unet").load()
    spec = ComponentSpec.from_component("unet", first)
    second = spec.load()
    assert spec == ComponentSpec("unet", repo=str(tiny_folder), subfolder="unet")
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_editing_a_copy_leaves_the_original(tiny_folder: Path) -> None:
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


def test_a_guider_is_created_with_another_scale() -> None:
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


def test_a_library_that_was_granted_and_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classes, "_granted", {"no_such_models"})
    with pytest.raises(ComponentError, match="The component 't': The library 'no_such_models' is not installed here"):
        _ = ComponentSpec("t", "no_such_models:Mine").type_hint


@pytest.mark.parametrize(
    ("folder", "name"),
    [("stable_diffusion", "StableDiffusionSafetyChecker"), ("stable_audio", "StableAudioProjectionModel")],
)
def test_libraries_of_old_indexes_are_folders_of_diffusers_pipelines(folder: str, name: str) -> None:
    spec = ComponentSpec("part", f"{folder}:{name}")
    assert spec.type_hint.__module__.startswith(f"diffusers.pipelines.{folder}.")
    written = ComponentSpec("part", ":".join(map(str, spec.type_name)))
    assert written.type_hint is spec.type_hint


@pytest.mark.parametrize(
    ("named", "error", "said"),
    [
        ("stable_diffusion:StableDiffusionPipeline", TrustError, "no component, but a whole pipeline"),
        ("stable_diffusion:OnnxRuntimeModel", ComponentError, "onnx"),
        ("stable_diffusion:DummyObject", TrustError, "no component|not of"),
        ("stable_diffusion:StableDiffusionSafetyCheker", ComponentError, "Did you mean 'StableDiffusionSafetyChecker'"),
        ("stable_diffusion:safety_checker", ComponentError, "has no class"),
        ("stable_diffusion.safety_checker:StableDiffusionSafetyChecker", TrustError, "only; grant it"),
        ("..utils:StableDiffusionSafetyChecker", TrustError, "only; grant it"),
        ("stable_diffusion_xl:FlaxStableDiffusionXLPipeline", ComponentError, "has no class|needs a package"),
        ("stable_audio:CosineDPMSolverMultistepScheduler", ComponentError, "has no class"),
        ("stable_diffusion:CLIPTextModel", ComponentError, "has no class"),
    ],
)  # fmt: skip
def test_folders_of_pipelines_give_their_own_components_alone(named: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said) as caught:
        _ = ComponentSpec("part", named).type_hint
    assert "'part'" in str(caught.value)


@pytest.mark.skipif(importlib.util.find_spec("torchsde") is not None, reason="the package is installed")
def test_a_class_that_needs_a_package_names_the_component_and_the_package() -> None:
    with pytest.raises(
        ComponentError, match=r"'scheduler': diffusers's DPMSolverSDEScheduler needs .*: pip install torchsde"
    ):
        ComponentSpec("scheduler", "diffusers:DPMSolverSDEScheduler", repo="x/y").load()


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


WHERE = {"repo": "a/b", "subfolder": "unet", "variant": "fp16", "revision": "v1"}


def test_a_spec_in_words_has_its_class_and_where_it_is_from() -> None:
    assert repr(ComponentSpec("unet", UNet2DConditionModel, **WHERE)) == (
        "ComponentSpec(name='unet', type_hint=UNet2DConditionModel, pretrained_model_name_or_path='a/b', subfolder='unet', "
        "variant='fp16', revision='v1', default_creation_method='from_pretrained')"
    )
    assert repr(ComponentSpec("unet", "diffusers:UNet2DConditionModel", repo="a/b")) == (
        "ComponentSpec(name='unet', type_hint=UNet2DConditionModel, pretrained_model_name_or_path='a/b', "
        "default_creation_method='from_pretrained')"
    )
    assert repr(ComponentSpec("guider", None, config={"a": 1}, default_creation_method="from_config")) == (
        "ComponentSpec(name='guider', type_hint=None, config={'a': 1}, default_creation_method='from_config')"
    )


@pytest.mark.parametrize(
    "change",
    [{"name": "vae"}, {"repo": "c/d"}, {"subfolder": "vae"}, {"variant": None}, {"revision": None},
     {"default_creation_method": "from_config"}],
)  # fmt: skip
def test_two_specs_are_equal_if_name_origin_and_way_are(change: dict[str, Any]) -> None:
    spec = ComponentSpec(**{"name": "unet", **WHERE})
    same = ComponentSpec(**{"name": "unet", **WHERE, "type_hint": UNet2DConditionModel, "description": "words"})
    other = ComponentSpec(**{"name": "unet", **WHERE, **change})
    assert spec == same
    assert hash(spec) == hash(same)
    assert spec != other
    assert hash(spec) != hash(other)
    assert spec.__eq__("unet") is NotImplemented


@pytest.mark.parametrize("given", [{}, {"repo": "a/b"}, WHERE])
def test_an_origin_is_taken_apart_as_it_was_put_together(given: dict[str, Any]) -> None:
    spec = ComponentSpec("unet", **given)
    fields = {"pretrained_model_name_or_path": given.get("repo"), "subfolder": "", "variant": None, "revision": None}
    fields |= {name: value for name, value in given.items() if name != "repo"}
    assert ComponentSpec.decode_load_id(spec.load_id) == fields


def test_what_is_created_has_no_origin() -> None:
    spec = ComponentSpec("guider", ClassifierFreeGuidance, repo="a/b", default_creation_method="from_config")
    assert spec.load_id == "null"
    assert set(ComponentSpec.decode_load_id("null").values()) == {None}
    assert spec.stored_bytes() == 0
    assert spec.loading_fault() == (
        "'guider' is not loaded, and has no origin to load it from; call update_components(guider=...)."
    )


def test_two_spellings_of_an_origin_are_named_unless_they_agree() -> None:
    assert ComponentSpec("unet", repo="a", pretrained_model_name_or_path="a").repo == "a"
    with pytest.raises(ComponentError) as caught:
        ComponentSpec("unet", repo="a", pretrained_model_name_or_path="b")
    assert str(caught.value) == (
        "ComponentSpec('unet'): repo='a' and pretrained_model_name_or_path='b' are two spellings of one thing; give one."
    )


def test_a_way_that_is_none_is_named() -> None:
    with pytest.raises(ComponentError, match=r"^ComponentSpec\('unet'\): default_creation_method is 'from_air'; it is"):
        ComponentSpec("unet", default_creation_method="from_air")


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        ("a:B", ("a", "B")),
        (UNet2DConditionModel, ("diffusers", "UNet2DConditionModel")),
        (None, (None, None)),
        (int | None, (None, None)),
    ],
)
def test_a_class_is_named_without_being_imported(hint: Any, expected: tuple[Any, Any]) -> None:
    assert ComponentSpec("x", hint).type_name == expected


def test_what_is_in_the_way_of_loading_is_said_before(tiny_folder: Path, tmp_path: Path) -> None:
    assert ComponentSpec("unet", UNet2DConditionModel, repo=str(tiny_folder), subfolder="unet").loading_fault() is None
    assert ComponentSpec("unet", UNet2DConditionModel).loading_fault() == (
        "'unet' is not loaded, and has no origin to load it from; call update_components(unet=...)."
    )
    fault = ComponentSpec("unet", UNet2DConditionModel, repo=str(tmp_path), subfolder="unet").loading_fault()
    assert fault is not None
    assert fault.startswith("'unet' cannot be loaded: ")


def test_a_number_format_means_nothing_to_what_is_no_network() -> None:
    assert ComponentSpec("unet", UNet2DConditionModel).format_of() is torch.float32
    assert ComponentSpec("unet").format_of() is torch.float32
    assert ComponentSpec("unet", UNet2DConditionModel).format_of(torch_dtype=torch.float16) is torch.float16
    assert ComponentSpec("tokenizer", CLIPTokenizer).format_of() is None
    assert ComponentSpec("tokenizer", CLIPTokenizer).format_of(dtype=torch.float16) is torch.float16


def test_one_number_format_in_two_spellings_is_one() -> None:
    spec = ComponentSpec("unet", UNet2DConditionModel)
    assert spec.format_of(dtype=torch.half, torch_dtype=torch.float16) is torch.float16
    with pytest.raises(ComponentError) as caught:
        spec.format_of(dtype=torch.half, torch_dtype=torch.float)
    assert str(caught.value) == (
        "dtype=torch.float16 and torch_dtype=torch.float32 are two spellings of one thing; give one."
    )


def test_where_it_is_loaded_from_may_be_said_at_the_load(tiny_folder: Path) -> None:
    spec = ComponentSpec("unet", UNet2DConditionModel)
    assert spec.load(pretrained_model_name_or_path=str(tiny_folder), subfolder="unet").dtype is torch.float32
    assert (spec.repo, spec.subfolder) == (str(tiny_folder), "unet")


def test_bytes_in_files_are_known_for_what_is_loaded_from_a_folder(tiny_folder: Path) -> None:
    spec = ComponentSpec("unet", UNet2DConditionModel, repo=str(tiny_folder), subfolder="unet")
    assert spec.stored_bytes() == sum(p.numel() * 4 for p in spec.load().parameters())
    assert ComponentSpec("unet", UNet2DConditionModel).stored_bytes() is None


def test_a_component_without_its_weights_has_its_configuration(tiny_folder: Path) -> None:
    spec = ComponentSpec("unet", UNet2DConditionModel, repo=str(tiny_folder), subfolder="unet")
    found = spec.load_skeleton(dtype=torch.float16)
    assert found.config.sample_size == spec.load().config.sample_size
    assert found.dtype is torch.float16
    assert next(found.parameters(), torch.zeros(1, device="meta")).is_meta


def test_an_object_without_from_config_is_made_of_what_it_knows() -> None:
    class Plain:
        def __init__(self, a: int, b: int = 2) -> None:
            self.sum = a + b

    spec = ComponentSpec("plain", Plain, config={"a": 1, "unknown": 5})
    assert spec.create().sum == 3
    assert spec.config == {"a": 1, "unknown": 5}
    assert spec.create(b=5).sum == 6
    assert spec.create({"a": 7}).sum == 9


def test_a_component_that_would_read_what_is_not_granted_says_so_itself(tmp_path: Path) -> None:
    class Table:
        def __init__(self, name: str) -> None:
            self.path = file_in(tmp_path, name)

    with pytest.raises(TrustError, match=r"^'\.\./words\.txt' is no name of a file in a repository"):
        ComponentSpec("table", Table, config={"name": "../words.txt"}).create()
