"""Which files are a model's weights: what its loader and its index say, whatever else lies in the folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from hub_server import Hub
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel

from brickwork import ComponentError, ComponentSpec, TrustError
from brickwork.registry.loading.file_digest import weights_digest
from brickwork.registry.loading.weights import file_stamp, stored_bytes, weight_files

INDEX = "diffusion_pytorch_model.safetensors.index.json"
SINGLE = "diffusion_pytorch_model.safetensors"


def zeroed(model: Any) -> Any:
    """A model of the same shapes, as an older save would hold it."""
    other = type(model).from_config(model.config) if hasattr(model, "load_config") else type(model)(model.config)
    with torch.no_grad():
        for each in other.parameters():
            each.zero_()
    return other


def save_older(model: Any, folder: Path, tmp_path: Path, **options: Any) -> None:
    """Put the weights of an older save beside those that are there, and nothing else of it."""
    zeroed(model).save_pretrained(tmp_path / "older", **options)
    for file in (tmp_path / "older").glob("*.safetensors"):
        assert not (folder / file.name).exists()
        shutil.copy(file, folder / file.name)


def same(found: Any, expected: Any) -> bool:
    return all(torch.equal(a, b) for a, b in zip(found.parameters(), expected.parameters(), strict=True))


def loaded(cls: Any, place: Any, **fields: Any) -> Any:
    return ComponentSpec("model", cls, repo=str(place), **fields).load()


@pytest.fixture
def sharded(tiny_pipe: Any, tmp_path: Path) -> tuple[Any, Path]:
    """The UNet in shards, and its folder."""
    tiny_pipe.unet.save_pretrained(tmp_path / "unet", max_shard_size="100KB")
    return tiny_pipe.unet, tmp_path / "unet"


def test_shards_that_the_index_does_not_name_are_not_read(sharded: tuple[Any, Path], tmp_path: Path) -> None:
    model, folder = sharded
    before = weights_digest(folder), stored_bytes(folder), file_stamp(folder)
    save_older(model, folder, tmp_path, max_shard_size="60KB")
    assert same(loaded(UNet2DConditionModel, folder), model)
    assert (weights_digest(folder), stored_bytes(folder), file_stamp(folder)) == before


def test_with_diffusers_an_index_counts_more_than_a_single_file_beside_it(
    sharded: tuple[Any, Path], tmp_path: Path
) -> None:
    model, folder = sharded
    save_older(model, folder, tmp_path)
    assert same(UNet2DConditionModel.from_pretrained(folder), model)
    assert same(loaded(UNet2DConditionModel, folder), model)
    assert SINGLE not in [path.name for path in weight_files(folder)]


def test_with_transformers_a_single_file_counts_more_than_an_index_beside_it(tiny_pipe: Any, tmp_path: Path) -> None:
    model, folder = tiny_pipe.text_encoder, tmp_path / "text_encoder"
    zeroed(model).save_pretrained(folder, max_shard_size="10KB")
    model.save_pretrained(tmp_path / "single")
    shutil.copy(tmp_path / "single" / "model.safetensors", folder / "model.safetensors")
    assert (folder / "model.safetensors.index.json").exists()
    assert same(CLIPTextModel.from_pretrained(folder), model)
    assert same(loaded(CLIPTextModel, folder), model)


@pytest.mark.parametrize("name", ["other.safetensors", "model.safetensors", "diffusion_pytorch_model_ema.safetensors"])
def test_a_second_file_with_the_same_tensors_is_not_read(name: str, tiny_pipe: Any, tmp_path: Path) -> None:
    folder = tmp_path / "unet"
    tiny_pipe.unet.save_pretrained(folder)
    zeros = {key: torch.zeros_like(tensor) for key, tensor in load_file(folder / SINGLE).items()}
    save_file(zeros, folder / name)
    assert same(loaded(UNet2DConditionModel, folder), tiny_pipe.unet)
    assert [path.name for path in weight_files(folder)] == [SINGLE]


def test_files_of_a_variant_are_those_of_its_own_index(tiny_pipe: Any, tmp_path: Path) -> None:
    folder = tmp_path / "unet"
    zeroed(tiny_pipe.unet).save_pretrained(folder)
    tiny_pipe.unet.save_pretrained(folder, variant="fp16", max_shard_size="100KB")
    save_older(tiny_pipe.unet, folder, tmp_path, variant="fp16", max_shard_size="60KB")
    assert same(loaded(UNet2DConditionModel, folder, variant="fp16"), tiny_pipe.unet)
    assert not loaded(UNet2DConditionModel, folder).conv_in.weight.any()


def test_an_index_of_a_variant_by_its_older_name_is_found(tiny_pipe: Any, tmp_path: Path) -> None:
    folder = tmp_path / "unet"
    tiny_pipe.unet.save_pretrained(folder, variant="fp16", max_shard_size="100KB")
    (folder / f"{SINGLE}.index.fp16.json").rename(folder / f"{SINGLE}.fp16.index.json")
    assert same(loaded(UNet2DConditionModel, folder, variant="fp16"), tiny_pipe.unet)


def test_a_file_that_the_configuration_of_transformers_names_is_the_one(tiny_pipe: Any, tmp_path: Path) -> None:
    folder = tmp_path / "text_encoder"
    tiny_pipe.text_encoder.save_pretrained(folder)
    (folder / "model.safetensors").rename(folder / "best.safetensors")
    zeroed(tiny_pipe.text_encoder).save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "transformers_weights": "best.safetensors"}))
    assert same(loaded(CLIPTextModel, folder), tiny_pipe.text_encoder)


def test_only_the_files_that_are_weights_are_downloaded(sharded: tuple[Any, Path], tmp_path: Path, hub: Hub) -> None:
    model, folder = sharded
    shards = {path.name for path in folder.glob("*.safetensors")}
    save_older(model, folder, tmp_path, max_shard_size="60KB")
    hub.add_folder("me/sharded", tmp_path)
    assert same(loaded(UNet2DConditionModel, "me/sharded", subfolder="unet"), model)
    cached = {path.name for path in tmp_path.glob("hub-cache/*/snapshots/*/unet/*.safetensors")}
    assert cached == shards


@pytest.mark.parametrize("spoil", ["moved", "lacking"])
def test_shards_of_two_saves_are_refused(spoil: str, sharded: tuple[Any, Path]) -> None:
    """A tensor lies in a shard that the index does not place it in, or is in none."""
    _, folder = sharded
    first, second = sorted(folder.glob("*.safetensors"))[:2]
    tensors = load_file(first)
    name = min(tensors)
    if spoil == "moved":
        save_file({**load_file(second), name: tensors[name]}, second)
        words = f"{second.name} holds {name}, and by {INDEX} it should not"
    else:
        del tensors[name]
        save_file(tensors, first)
        words = f"{first.name} does not hold {name}, and by {INDEX} it should"
    with pytest.raises(ComponentError, match=words):
        loaded(UNet2DConditionModel, folder)


def test_a_shard_that_is_not_there_is_named(sharded: tuple[Any, Path]) -> None:
    _, folder = sharded
    shard = min(folder.glob("*.safetensors"))
    shard.unlink()
    with pytest.raises(ComponentError, match=f"{INDEX} names {shard.name}, which is not there"):
        loaded(UNet2DConditionModel, folder)
    assert stored_bytes(folder) is None


@pytest.mark.parametrize("content", ["{}", '{"weight_map": []}', '{"weight_map": {}}', '{"weight_map": {"a": 1}}'])
def test_an_index_that_is_none_is_refused(content: str, sharded: tuple[Any, Path]) -> None:
    _, folder = sharded
    (folder / INDEX).write_text(content)
    with pytest.raises(ComponentError, match=f"{INDEX} is no list of shards"):
        loaded(UNet2DConditionModel, folder)


def test_an_index_that_names_files_elsewhere_is_refused(sharded: tuple[Any, Path]) -> None:
    _, folder = sharded
    index = json.loads((folder / INDEX).read_text())
    for place in ("../stolen.safetensors", "inner/stolen.safetensors"):
        index["weight_map"]["conv_in.weight"] = place
        (folder / INDEX).write_text(json.dumps(index))
        with pytest.raises(TrustError, match=r"names the shard '.*stolen.safetensors'"):
            weight_files(folder)


def test_an_adapter_that_transformers_would_put_in_is_refused(tiny_pipe: Any, tmp_path: Path) -> None:
    folder = tmp_path / "text_encoder"
    tiny_pipe.text_encoder.save_pretrained(folder)
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "somebody/else"}')
    with pytest.raises(TrustError, match="adapter_config.json is an adapter, which loaders take instead of the model"):
        loaded(CLIPTextModel, folder)
