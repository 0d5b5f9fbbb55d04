"""Models are loaded as their own loaders do, in less time and memory; what is wrong with files is said."""

from __future__ import annotations

import gc
import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_families
import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    FluxTransformer2DModel,
    MultiControlNetModel,
    UNet2DConditionModel,
    WanTransformer3DModel,
)
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel, CLIPTextModelWithProjection, T5Config, T5EncoderModel

from brickwork import ComponentError, ComponentSpec, TrustError
from brickwork.registry.loading import load as loading
from brickwork.registry.loading.skeleton import load_model

WEIGHTS = "diffusion_pytorch_model.safetensors"


def make_wan() -> Any:
    torch.manual_seed(0)
    return WanTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=4,
        out_channels=4,
        text_dim=8,
        freq_dim=8,
        ffn_dim=16,
        num_layers=1,
        rope_max_seq_len=32,
    )


MODELS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "unet": (UNet2DConditionModel, lambda pipe: pipe.unet),
    "vae": (AutoencoderKL, lambda pipe: pipe.vae),
    "controlnet": (ControlNetModel, lambda pipe: ControlNetModel.from_unet(pipe.unet, load_weights_from_unet=False)),
    "clip": (CLIPTextModel, lambda pipe: pipe.text_encoder),
    "clip with projection": (CLIPTextModelWithProjection, lambda pipe: pipe.text_encoder_2),
    "t5": (T5EncoderModel, lambda _: tiny_families.flux()["text_encoder_2"]),
    "flux": (FluxTransformer2DModel, lambda _: tiny_families.flux()["transformer"]),
}


def tensors_of(model: Any) -> dict[str, torch.Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_what_its_own_loader_makes(name: str, dtype: Any, tiny_pipe: Any, tmp_path: Path) -> None:
    cls, make = MODELS[name]
    make(tiny_pipe).save_pretrained(tmp_path)
    found = load_model(cls, tmp_path, None, dtype)
    assert found is not None
    expected = cls.from_pretrained(tmp_path, **{"dtype" if "t5" in name or "clip" in name else "torch_dtype": dtype})
    ours, theirs = tensors_of(found), tensors_of(expected)
    assert ours.keys() == theirs.keys()
    for key, tensor in theirs.items():
        assert torch.equal(ours[key], tensor), key
        assert (ours[key].dtype, ours[key].requires_grad) == (tensor.dtype, tensor.requires_grad), key
    assert not any(module.training for module in found.modules())
    assert found.dtype == expected.dtype


def test_parts_that_must_stay_precise_stay_so(tmp_path: Path) -> None:
    make_wan().save_pretrained(tmp_path)
    spec = ComponentSpec("transformer", WanTransformer3DModel, repo=str(tmp_path))
    found = spec.load(dtype=torch.float16)
    expected = WanTransformer3DModel.from_pretrained(tmp_path, torch_dtype=torch.float16)
    formats = {name: tensor.dtype for name, tensor in tensors_of(expected).items()}
    assert {name: tensor.dtype for name, tensor in tensors_of(found).items()} == formats
    assert set(formats.values()) >= {torch.float16, torch.float32}


def test_shards_and_variants_are_found(tiny_pipe: Any, tmp_path: Path) -> None:
    tiny_pipe.unet.save_pretrained(tmp_path, max_shard_size="100KB", variant="fp16")
    assert len(list(tmp_path.glob("*.fp16-*.safetensors"))) > 1
    spec = ComponentSpec("unet", UNet2DConditionModel, repo=str(tmp_path), variant="fp16")
    assert load_model(UNet2DConditionModel, tmp_path, "fp16", torch.float32) is not None
    assert all(torch.equal(a, b) for a, b in zip(spec.load().parameters(), tiny_pipe.unet.parameters(), strict=True))
    with pytest.raises(ComponentError, match=r"holds no safetensors file; there is: config.json, diffusion"):
        ComponentSpec("unet", UNet2DConditionModel, repo=str(tmp_path)).load()


@pytest.fixture
def unet(tiny_folder: Path, tmp_path: Path) -> Path:
    """A folder of its own with the UNet, to spoil."""
    return Path(shutil.copytree(tiny_folder / "unet", tmp_path / "unet"))


def load_unet(folder: Path, **options: Any) -> Any:
    return ComponentSpec("unet", UNet2DConditionModel, repo=str(folder)).load(**options)


def test_a_mapped_model_is_written_without_touching_its_file(unet: Path, tmp_path: Path) -> None:
    before = (unet / WEIGHTS).read_bytes()
    model = load_unet(unet)
    with torch.no_grad():
        model.conv_in.weight.zero_()
    assert (unet / WEIGHTS).read_bytes() == before
    model.save_pretrained(tmp_path / "again")
    again = load_unet(tmp_path / "again")
    assert again.conv_in.weight.abs().sum() == 0
    assert torch.equal(again.conv_out.weight, model.conv_out.weight)


def test_a_truncated_file_says_how_many_bytes_are_missing(unet: Path) -> None:
    path = unet / WEIGHTS
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[: size // 2])
    with pytest.raises(ComponentError, match=rf"'unet' .*has {size // 2:,} bytes, and {size:,} by .* it is truncated"):
        load_unet(unet)


def test_a_file_of_another_kind_is_named(unet: Path) -> None:
    (unet / WEIGHTS).write_bytes(b"version https://git-lfs.github.com/spec/v1")
    with pytest.raises(ComponentError, match="is no safetensors file, or its beginning is damaged"):
        load_unet(unet)


@pytest.mark.parametrize("offsets", [[-8, 8], [8, 0]])
def test_a_list_of_tensors_that_lies_is_refused(unet: Path, offsets: list[int]) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [4], "data_offsets": offsets}}).encode()
    (unet / WEIGHTS).write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 16)
    with pytest.raises(ComponentError, match="it says that a lies from"):
        load_unet(unet)


def test_a_tensor_that_is_larger_than_its_place_is_refused(unet: Path) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [4000], "data_offsets": [0, 16]}}).encode()
    (unet / WEIGHTS).write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 16)
    with pytest.raises(ComponentError, match="could not be loaded from"):
        load_unet(unet)


def test_missing_files_are_said_with_what_is_there(unet: Path) -> None:
    with pytest.raises(ComponentError, match=r"there is no folder .*unte. Did you mean 'unet'\?"):
        ComponentSpec("unet", UNet2DConditionModel, repo=str(unet.parent), subfolder="unte").load()
    (unet / WEIGHTS).unlink()
    with pytest.raises(ComponentError, match="holds no safetensors file; there is: config.json"):
        load_unet(unet)


def test_weights_that_do_not_fit_are_named(unet: Path) -> None:
    weights = load_file(unet / WEIGHTS)
    kept = weights.pop("conv_in.bias")
    weights["conv_inn.bias"] = kept
    save_file(weights, unet / WEIGHTS)
    with pytest.raises(
        ComponentError, match=r"conv_in.bias is not in the files; conv_inn.bias is in the files and not in the model"
    ):
        load_unet(unet)
    del weights["conv_inn.bias"]
    save_file({**weights, "conv_in.bias": kept[:3].clone()}, unet / WEIGHTS)
    with pytest.raises(ComponentError, match=r"conv_in.bias"):
        load_unet(unet)


def test_pickled_weights_need_a_grant(unet: Path) -> None:
    torch.save(load_file(unet / WEIGHTS), unet / "diffusion_pytorch_model.bin")
    (unet / WEIGHTS).unlink()
    with pytest.raises(TrustError, match=r"only pickled weights, which can run code .* use_safetensors=False"):
        load_unet(unet)
    assert isinstance(load_unet(unet, use_safetensors=False), UNet2DConditionModel)


def test_a_single_file_goes_through_its_class(unet: Path, tiny_pipe: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    shutil.copy(unet / WEIGHTS, path)
    spec = ComponentSpec("unet", UNet2DConditionModel, repo=str(path))
    found = spec.load(config=str(unet), dtype=torch.float16)
    assert found.dtype == torch.float16
    with pytest.raises(ComponentError, match="is a single file, and CLIPTextModel is not loaded from one"):
        ComponentSpec("text_encoder", CLIPTextModel, repo=str(path)).load()
    path.with_suffix(".ckpt").write_bytes(b"pickle")
    with pytest.raises(TrustError, match="model.ckpt holds pickled weights"):
        ComponentSpec("unet", UNet2DConditionModel, repo=str(path.with_suffix(".ckpt"))).load()
    shutil.copy(path, path.with_suffix(".SAFETENSORS"))
    with pytest.raises(ComponentError, match="diffusers takes model.SAFETENSORS for pickled weights, .*; rename the"):
        ComponentSpec("unet", UNet2DConditionModel, repo=str(path.with_suffix(".SAFETENSORS"))).load()


def test_options_of_the_loader_are_handed_on(unet: Path) -> None:
    with pytest.raises(ComponentError, match="quant"):
        load_unet(unet, quantization_config={"quant_method": "no such method"})


def test_a_component_of_several_models_needs_the_folder_of_the_first(tmp_path: Path) -> None:
    spec = ComponentSpec("controlnet", MultiControlNetModel, repo=str(tmp_path))
    with pytest.raises(
        ComponentError, match=r"the models of a MultiControlNetModel lie in folders .* as subfolder=\.\.\."
    ):
        spec.load()


def test_an_adapter_beside_a_model_is_refused_before_its_weights_are_looked_at(tmp_path: Path) -> None:
    """Where a file system ignores case, it is one in any spelling, which the look at the names of files does not see."""
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "somebody/else"}')
    with pytest.raises(ComponentError) as caught:
        loading._check_folder(tmp_path, None, {})
    assert str(caught.value).startswith(
        f"{tmp_path} holds adapter_config.json, by which transformers would put an adapter"
    )


def test_parameters_ask_for_gradients_where_the_class_lets_them(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = T5EncoderModel(T5Config(vocab_size=8, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2))
    model.save_pretrained(tmp_path)
    skeleton = load_model(Frozen, tmp_path, None, None)
    assert [name for name, each in skeleton.named_parameters() if not each.requires_grad] == ["shared.weight"]


class Frozen(T5EncoderModel):
    """One that is made with a part that is not trained."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.shared.weight.requires_grad_(False)


@pytest.mark.parametrize("is_enabled", [True, False])
def test_pythons_collection_of_garbage_is_left_as_it_was(is_enabled: bool, unet: Path) -> None:
    (gc.enable if is_enabled else gc.disable)()
    try:
        load_model(UNet2DConditionModel, unet, None, None)
        assert gc.isenabled() is is_enabled
    finally:
        gc.enable()
