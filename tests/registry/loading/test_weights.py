"""Files of weights: what is told of them without reading, their pages as tensors, and their digests."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import xxhash
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel

from brickwork import ComponentError, ComponentSpec, RepoError, TrustError
from brickwork.registry.hub.repo import open_repo
from brickwork.registry.hub.verified import sha256_of
from brickwork.registry.loading.file_digest import file_digest, weights_digest
from brickwork.registry.loading.memory_map import is_mappable, mapped_tensors
from brickwork.registry.loading.skeleton import load_model
from brickwork.registry.loading.tensor_file import read_tensors
from brickwork.registry.loading.weight_names import variant_of
from brickwork.registry.loading.weights import (
    byte_words,
    bytes_of,
    check_file,
    data_start,
    enough_words,
    file_stamp,
    header_of,
    tensor_list,
    weight_files,
    weights_at,
)

TENSORS = {
    "matrix": torch.arange(24.0).reshape(2, 3, 4),
    "half": torch.ones(5).half(),
    "brain": torch.ones(3, dtype=torch.bfloat16),
    "small": torch.tensor([[1], [2]], dtype=torch.int8),
    "flags": torch.tensor([True, False]),
    "number": torch.tensor(3.5),
    "nothing": torch.zeros(0, 2),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_file(TENSORS, path, metadata={"format": "pt"})
    return path


def test_tensors_that_are_pages_of_a_file_are_what_a_copy_of_it_is(file: Path) -> None:
    assert is_mappable(header_of(file), data_start(file))
    found, expected = mapped_tensors(file, TENSORS), load_file(file)
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name
        assert (found[name].dtype, found[name].stride()) == (tensor.dtype, tensor.stride()), name
    assert mapped_tensors(file, ["half"]).keys() == {"half"}


def test_a_file_of_a_repository_is_read_by_its_name(file: Path) -> None:
    repo = open_repo(file.parent)
    assert {name: tensor.shape for name, tensor in read_tensors(repo, file.name).items()} == {
        name: tensor.shape for name, tensor in TENSORS.items()
    }
    (file.parent / "model.bin").write_bytes(b"x")
    with pytest.raises(TrustError, match=r"^model.bin is no \.safetensors file; pickled weights"):
        read_tensors(repo, "model.bin")
    with pytest.raises(RepoError, match=r"has no file gone.bin. Did you mean 'model.bin'"):
        read_tensors(repo, "gone.bin")
    with pytest.raises(RepoError, match=r"has no file modle.safetensors. Did you mean 'model.safetensors'\?$"):
        read_tensors(repo, "modle.safetensors")
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ComponentError, match="it is truncated"):
        read_tensors(repo, file.name)


def test_a_number_format_that_torch_does_not_have_is_said_with_the_files_name(tmp_path: Path) -> None:
    with_header(
        tmp_path / "lora.safetensors", {"a": {"dtype": "F6_E2M3", "shape": [8], "data_offsets": [0, 6]}}, b"\0" * 6
    )
    with pytest.raises(
        ComponentError, match=r"^lora\.safetensors of .* cannot be read: Dtype not understood: F6_E2M3$"
    ):
        read_tensors(open_repo(tmp_path), "lora.safetensors")


def test_a_file_that_is_not_there_has_no_list_of_tensors(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with pytest.raises(ComponentError) as caught:
        tensor_list(path)
    assert str(caught.value).startswith(f"{path} cannot be read: [Errno 2] No such file")


@pytest.mark.parametrize(
    ("name", "variant"),
    [("model.safetensors", None), ("model.fp16.safetensors", "fp16"), ("model-00001-of-00002.safetensors", None),
     ("model.fp16-00001-of-00002.safetensors", "fp16"), ("a.b.c.safetensors", "c")],
)  # fmt: skip
def test_the_variant_of_a_file_is_in_its_name(name: str, variant: str | None) -> None:
    assert variant_of(name) == variant


def test_the_files_of_a_variant_are_in_order_and_a_stamp_tells_them_from_others(tmp_path: Path) -> None:
    for name in ("b.safetensors", "a.safetensors", "a.fp16.safetensors", "a.bin"):
        (tmp_path / name).write_bytes(name.encode())
    assert [path.name for path in weight_files(tmp_path)] == ["a.safetensors", "b.safetensors"]
    assert [path.name for path in weight_files(tmp_path, "fp16")] == ["a.fp16.safetensors"]
    assert weights_at(tmp_path / "a.bin") == [tmp_path / "a.bin"]
    assert weights_at(tmp_path / "none") == []
    stat = (tmp_path / "a.fp16.safetensors").stat()
    assert file_stamp(tmp_path, "fp16") == f"a.fp16.safetensors:18:{stat.st_mtime_ns}"
    assert file_stamp(tmp_path / "none") == ""
    assert len(file_stamp(tmp_path).split()) == 2


def test_the_digest_of_weights_is_of_their_bytes_in_order(tmp_path: Path) -> None:
    one, other = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    one.write_bytes(b"one" * 2_000_000)
    other.write_bytes(b"other")
    assert file_digest(one) == f"xxh3:{xxhash.xxh3_128(one.read_bytes()).hexdigest()}"
    both = weights_digest(tmp_path)
    assert both == xxhash.xxh3_128(f"{file_digest(one)}\n{file_digest(other)}".encode()).hexdigest()
    assert weights_digest(one) == xxhash.xxh3_128(file_digest(one).encode()).hexdigest()
    assert weights_digest(tmp_path, "fp16") is None
    one.write_bytes(b"One" * 2_000_000)
    assert weights_digest(tmp_path) != both
    assert file_digest(one) == f"xxh3:{xxhash.xxh3_128(one.read_bytes()).hexdigest()}"


def blob(folder: Path, name: str, content: bytes = b"x") -> Path:
    """A file of the Hub's cache, by a link to it."""
    (folder / "blobs").mkdir(exist_ok=True)
    (folder / "blobs" / name).write_bytes(content)
    (folder / f"link-{name}").symlink_to(folder / "blobs" / name)
    return folder / f"link-{name}"


def test_a_file_of_the_hubs_cache_is_digested_by_its_name_if_that_is_a_digest(tmp_path: Path) -> None:
    digest = "0123456789abcdef" * 4
    assert file_digest(blob(tmp_path, digest)) == f"sha256:{digest}"
    read = f"xxh3:{xxhash.xxh3_128(b'x').hexdigest()}"
    assert file_digest(blob(tmp_path, digest[:40])) == read
    assert file_digest(blob(tmp_path, f"{digest}0")) == read
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / digest).write_bytes(b"x")
    assert file_digest(tmp_path / "others" / digest) == read


def test_a_home_that_cannot_be_written_only_costs_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").write_text("no folder")
    monkeypatch.setenv("BRICKWORK_HOME", str(tmp_path / "home"))
    large = tmp_path / "large"
    large.write_bytes(b"d" * (4 * 2**20 + 1))
    assert sha256_of(large) == hashlib.sha256(large.read_bytes()).hexdigest()


def with_header(path: Path, header: Any, data: bytes = b"\0" * 16, length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + data)
    return path


def entry(first: int, end: int, shape: Any = (4,)) -> dict[str, Any]:
    return {"dtype": "F32", "shape": list(shape), "data_offsets": [first, end]}


@pytest.mark.parametrize(
    ("size", "words"), [(15, "it is truncated; copy or download it again"), (17, "something was appended to it")]
)
def test_a_file_has_as_many_bytes_as_its_list_says(size: int, words: str, tmp_path: Path) -> None:
    path = with_header(tmp_path / "a.safetensors", {"a": entry(0, 16)}, b"\0" * size)
    expected = path.stat().st_size - size + 16
    with pytest.raises(ComponentError) as caught:
        check_file(path)
    assert str(caught.value) == (
        f"{path} has {path.stat().st_size:,} bytes, and {expected:,} by its own list of tensors: {words}."
    )
    check_file(with_header(tmp_path / "b.safetensors", {}, b""))


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (99_900, "99.9 KB"), (100_000, "100 KB"), (999_999, "1000 KB"),
     (10**6, "1.0 MB"), (10**12, "1.0 TB"), (5 * 10**15, "5000 TB")],
)  # fmt: skip
def test_bytes_have_words(count: int, words: str) -> None:
    assert byte_words(count) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(999, "999 B"), (1000, "1.0 KB"), (1001, "1.1 KB"), (99_901, "100 KB"), (100_001, "101 KB"), (999_001, "1.0 MB"),
     (1_050_000, "1.1 MB"), (17_200_000, "17.2 MB"), (17_200_001, "17.3 MB")],
)  # fmt: skip
def test_a_budget_in_words_is_never_less_than_what_is_needed(count: int, words: str) -> None:
    assert enough_words(count) == words
    assert bytes_of(words) >= count


@pytest.mark.parametrize(
    ("amount", "expected"),
    [(0, 0), ("0B", 0), ("1kB", 1000), ("1KiB", 1024), (" 2 mb ", 2 * 10**6), ("1TiB", 2**40), ("1.5GB", 15 * 10**8)],
)
def test_words_have_bytes(amount: Any, expected: int) -> None:
    assert bytes_of(amount) == expected


@pytest.mark.parametrize("amount", [-1, "1", "1XB", "-1B", "1.B", "B", 1.5, None, "1MBx"])
def test_what_is_no_number_of_bytes_is_named(amount: Any) -> None:
    with pytest.raises(ComponentError) as caught:
        bytes_of(amount)
    assert str(caught.value) == f"{amount!r} is no number of bytes; give one as in 8_000_000_000, '8GB' or '7.5GiB'."


@pytest.fixture
def unet(tiny_folder: Path, tmp_path: Path) -> Path:
    """A folder of its own with the UNet, and a variant of it."""
    folder = Path(shutil.copytree(tiny_folder / "unet", tmp_path / "unet"))
    half = {name: tensor.half() for name, tensor in load_file(folder / WEIGHTS).items()}
    save_file(half, folder / "diffusion_pytorch_model.fp16.safetensors", metadata={"format": "pt"})
    return folder


WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.mark.parametrize("variant", [None, "fp16"])
@pytest.mark.parametrize("dtype", [None, torch.float16, torch.bfloat16])
def test_a_model_in_a_folder_needs_no_loader_of_its_class(
    variant: str | None, dtype: Any, unet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("the class's own loader was asked")

    monkeypatch.setattr(UNet2DConditionModel, "from_pretrained", refuse)
    spec = ComponentSpec("unet", UNet2DConditionModel, repo=str(unet), variant=variant)
    found = spec.load(**({} if dtype is None else {"dtype": dtype}))
    assert found.dtype is (dtype or torch.float32)
    expected = load_file(weight_files(unet, variant)[0])["conv_in.weight"].to(found.dtype)
    assert torch.equal(found.conv_in.weight, expected)
    assert found.config._name_or_path == str(unet)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_a_text_encoder_says_its_origin_and_number_format(dtype: Any, tiny_folder: Path) -> None:
    spec = ComponentSpec("text_encoder", CLIPTextModel, repo=str(tiny_folder), subfolder="text_encoder")
    found = spec.load(dtype=dtype)
    assert found.config.dtype is dtype
    assert found.name_or_path == found.config._name_or_path == str(tiny_folder)


def test_a_quantized_model_goes_through_the_loader_of_its_class(unet: Path) -> None:
    assert load_model(UNet2DConditionModel, unet, None, torch.float32) is not None
    config = json.loads((unet / "config.json").read_text())
    (unet / "config.json").write_text(json.dumps({**config, "quantization_config": {"quant_method": "x"}}))
    assert load_model(UNet2DConditionModel, unet, None, torch.float32) is None


@pytest.mark.parametrize("place", ["folder", "file"])
def test_a_truncated_file_is_refused_before_its_class_reads_it(place: str, unet: Path) -> None:
    path = unet / WEIGHTS
    path.write_bytes(path.read_bytes()[:-4])
    spec = ComponentSpec("unet", UNet2DConditionModel, repo=str(unet if place == "folder" else path))
    with pytest.raises(ComponentError, match="it is truncated; copy or download it again"):
        spec.load()
    with pytest.raises(ComponentError, match="it is truncated"):
        load_model(UNet2DConditionModel, unet, None, None)


def test_what_has_no_loader_or_no_weights_is_not_loaded_the_fast_way(unet: Path) -> None:
    assert load_model(int, unet, None, None) is None
    assert load_model(torch.nn.Linear, unet, None, None) is None
    assert load_model(UNet2DConditionModel, unet, "bf16", None) is None
