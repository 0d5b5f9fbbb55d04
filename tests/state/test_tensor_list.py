"""Lists of tensors: whatever a file claims agrees with itself and with its size, or the file is refused in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError, deserialize
from safetensors.torch import save

from brickwork import RepoError
from brickwork.state import tensor_list
from brickwork.state.tensor_list import TensorEntry, parse_tensor_list, read_tensor_list


def file(header: Any, body: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + body


def entry(first: int = 0, end: int = 4, **changes: Any) -> dict[str, Any]:
    return {"dtype": "U8", "shape": [end - first], "data_offsets": [first, end], **changes}


def test_a_list_says_formats_shapes_places_and_notes(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(save({"a": torch.ones(2, 3), "b": torch.zeros(0, dtype=torch.int8)}, {"by": "me"}))
    found = read_tensor_list(path)
    assert found.entries == {"a": TensorEntry("F32", (2, 3), 0, 24), "b": TensorEntry("I8", (0,), 24, 24)}
    assert found.notes == {"by": "me"}
    assert found.size == path.stat().st_size


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"1234567", "its first 8 bytes are no length of a list"),
        (b"", "it is empty. Copy or download it again"),
        (b"<!DOCTYPE html>", "it is a web page"),
        (b"\n <html>", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "it is a pointer of git-lfs, .* `git lfs pull`"),
        (b"PK\x03\x04\x00\x00\x08\x08", "it is a checkpoint of torch under another name"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9", "it is a checkpoint of torch under another name"),
        (b"GGUF\x03\x00\x00\x00", "it is a GGUF file"),
        (file({}, length=0), "its first 8 bytes are no length of a list"),
        (file({}, length=1 << 62), "its first 8 bytes are no length of a list"),
        (file(b"[1]"), "its list of tensors holds no JSON object"),
        (file(b'\xef\xbb\xbf{"a": 1}'), "its list of tensors holds no JSON object"),
        (file(b'{"a": 1, "a": 2}'), "its list of tensors cannot be read: 'a' stands there twice"),
        (file({"a": []}), "'a' must have dtype, shape and data_offsets"),
        (file({"a": {**entry(), "more": 1}}), "'a' must have dtype, shape and data_offsets"),
        (file({"a": {"dtype": "U8", "shape": [4]}}), "'a' must have dtype, shape and data_offsets"),
        (file({"a": entry(dtype="F7")}), "'a' has the number format 'F7'; there are: F64"),
        (file({"a": entry(dtype=7)}), "'a' has the number format '7'"),
        (file({"a": entry(shape=[-4])}), r"'a' has the shape \[-4\]"),
        (file({"a": entry(shape=[4.0])}), r"'a' has the shape \[4.0\]"),
        (file({"a": entry(shape=4)}), "'a' has the shape 4"),
        (file({"a": entry(shape=[True, 4])}), "'a' has the shape"),
        (file({"a": entry(shape=[4] + [1] * 32)}), "'a' has the shape"),
        (file({"a": entry(shape=[1 << 63])}), "'a' has the shape"),
        (file({"a": entry(shape=[5])}), r"'a' is \[5\] of U8, and has a place of 4 bytes"),
        (file({"a": entry(data_offsets=[0])}), "'a' does not say where it lies"),
        (file({"a": entry(data_offsets={})}), "'a' does not say where it lies"),
        (file({"a": entry(data_offsets=[0, "4"])}), "it says that a lies from 0 to 4"),
        (file({"a": entry(data_offsets=[4, 0])}), "it says that a lies from 4 to 0"),
        (file({"a": entry(0, 4), "b": entry(2, 6)}), "'b' lies over another tensor"),
        (file({"a": entry(0, 4), "b": entry(5, 6)}), "'b' has bytes before it that belong to none"),
        (file({"__metadata__": []}), "__metadata__ maps names to text"),
        (file({"__metadata__": {"a": 1}}), "__metadata__ maps names to text"),
    ],
)
def test_lists_that_lie_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(RepoError, match=f"^it is no safetensors file, or its beginning is damaged: {message}"):
        parse_tensor_list(data, len(data), "it")


def test_length_and_number_of_tensors_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    many = file({str(i): entry(i, i + 1) for i in range(3)}, b"123")
    monkeypatch.setattr(tensor_list, "MOST_TENSORS", 2)
    with pytest.raises(RepoError, match="it lists 3 tensors; at most 2 are read"):
        parse_tensor_list(many, len(many), "it")
    monkeypatch.setattr(tensor_list, "LARGEST_HEADER", 50)
    with pytest.raises(RepoError, match=r"its list of tensors has \d+ bytes; at most 50 are read"):
        parse_tensor_list(many, len(many), "it")


@pytest.mark.parametrize("name", sorted(tensor_list.BITS))
def test_formats_and_their_sizes_are_those_of_the_library(name: str) -> None:
    bits = tensor_list.BITS[name]
    data = file({"a": entry(0, bits, dtype=name, shape=[8])}, b"\0" * bits)
    assert parse_tensor_list(data, len(data), "it").entries["a"].end == bits
    assert deserialize(data)[0][0] == "a"
    wrong = file({"a": entry(0, bits, dtype=name, shape=[16])}, b"\0" * bits)
    with pytest.raises(SafetensorError):
        deserialize(wrong)
