"""Files of values: what is written is read as the same, what would not be is not written, and what lies is refused."""

from __future__ import annotations

import json
import warnings
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import save

from brickwork import RepoError, RunError
from brickwork.state import value_file
from brickwork.state.limits import MOST_OTHER_KEYS
from brickwork.state.value_file import load_values, save_values


def again(value: Any) -> Any:
    return load_values(save_values(None, {"a": value}, {}))[0]["a"]


def nested(levels: int) -> Any:
    found: Any = 1
    for _ in range(levels):
        found = [found]
    return found


@pytest.mark.parametrize(
    "value",
    [
        None, True, 3, 2.5, "é\n", float("inf"), [1, (2, [3])], {"a": {5: "x", (1, 2): None, "$": 1}}, deque([1, 2], 3), deque([1]),
        {"$": "tuple"}, torch.float16, torch.device("cpu"), 2**63 - 1, nested(45), (), {}, np.float32(2.5), np.bool_(True),
    ],
)  # fmt: skip
def test_plain_values_come_back(value: Any) -> None:
    found = again(value)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "dtype", sorted({value for value in vars(torch).values() if isinstance(value, torch.dtype)}, key=str)
)
def test_tensors_of_every_number_format_come_back_or_are_refused(dtype: torch.dtype) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch calls some of them experimental
            tensor = torch.zeros(2, 4).to(dtype)
    except (RuntimeError, TypeError, NotImplementedError):
        pytest.skip("torch makes no such tensor")
    try:
        found = again(tensor)
    except (RunError, RepoError) as error:
        assert str(dtype).removeprefix("torch.") in str(error)  # noqa: PT017
    else:
        assert found.dtype == dtype
        assert found.shape == tensor.shape


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "I", "F"])
@pytest.mark.parametrize("size", [(1, 1), (9, 5)])
def test_pictures_come_back(mode: str, size: tuple[int, int]) -> None:
    picture = Image.linear_gradient("L").resize(size).convert(mode)
    found = again(picture)
    assert (found.mode, found.size, found.tobytes()) == (mode, size, picture.tobytes())


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.int16).reshape(2, 3),
        np.zeros((0, 3)),
        np.array(2.0),
        np.arange(4, dtype=">f8"),
        np.ones((1,) * 32),
    ],
)
def test_arrays_come_back(array: Any) -> None:
    found = again(array)
    assert found.shape == array.shape
    assert found.dtype == array.dtype
    assert (found == array).all()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (nested(60), "it is nested too deeply to be read again"),
        (nested(5000), "it is nested too deeply to be read again"),
        ({2**64: 1}, "a mapping with keys beyond 64 bits"),
        (dict.fromkeys(range(MOST_OTHER_KEYS + 1), 1), "a mapping with .* more than 2,000 that are no text"),
        (np.zeros(2, dtype="M8[s]"), "a numpy ndarray"),
        (np.ones((1,) * 33), "a numpy array of 33 dimensions"),
    ],
    ids=["deep", "very deep", "large key", "keys", "times", "dimensions"],
)
def test_what_would_not_be_read_again_is_not_written(value: Any, message: str) -> None:
    with pytest.raises(RunError, match=f"a: {message}"):
        save_values(None, {"a": value}, {})


def test_notes_that_would_not_be_read_are_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RepoError, match=r"the values of the data cannot be written: .*surrogates"):
        save_values(None, {"a": "\ud800"}, {})
    monkeypatch.setattr(value_file, "LARGEST_HEADER", 1000)
    with pytest.raises(RepoError, match="at most 1,000 are read. So it is not written"):
        save_values(None, {"a": "x" * 2000}, {})


def test_a_file_larger_than_is_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(value_file, "LARGEST_VALUES", 1000)
    with pytest.raises(RepoError, match=r"have \d,\d+ bytes; at most 1,000 are read"):
        save_values(tmp_path / "a.safetensors", {"a": torch.zeros(500)}, {})
    assert not list(tmp_path.iterdir())


def test_what_the_library_refuses_to_write_is_said_in_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> bytes:
        raise SafetensorError("Error while serializing: TensorInvalidInfo")

    monkeypatch.setattr("safetensors.torch.save", refuse)
    with pytest.raises(RepoError, match=r"^The values cannot be written: Error while serializing: TensorInvalidInfo$"):
        save_values(tmp_path / "a.safetensors", {"a": torch.zeros(2)}, {})
    assert not list(tmp_path.iterdir())


BYTES = {"$": "tensor", "name": "b", "device": "cpu", "strides": None}
FLOATS = {"$": "tensor", "name": "f", "device": "cpu", "strides": None}
ARRAY = {"$": "array", "dtype": "<f4", "shape": [2], "scalar": False, "bytes": BYTES}
PICTURE = {"$": "picture", "mode": "L", "size": [2, 4], "bytes": BYTES}


def data(value: Any) -> dict[str, Any]:
    return {"$": "data", "data": value}


def file(node: Any, **notes: str) -> bytes:
    tensors = {"b": torch.zeros(8, dtype=torch.uint8), "f": torch.zeros(2, 2)}
    return save(tensors, {"format": "brickwork values 1", "values": json.dumps({"x": node}), "about": "{}", **notes})


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (3, "x: 'None' is no kind of value; there are: data, list"),
        ({"$": []}, r"x: '\[\]' is no kind of value"),
        ({"$": "pickle"}, "x: 'pickle' is no kind of value"),
        (data({"$": "tuple"}), "x.data: a written tuple has the key 'items' with a list"),
        ({"$": "data"}, "x: 'data' is missing"),
        ({"$": "list", "items": {}}, "x.items: expected list, got dict"),
        ({"$": "list", "items": [data(1), 2]}, r"x\[1\]: 'None' is no kind"),
        ({"$": "deque", "items": [], "maxlen": -1}, "x.maxlen: expected a size, got -1"),
        ({"$": "dict", "items": [[data(1)]]}, r"x.items\[0\]: expected a key and a value, got list"),
        ({"$": "dict", "items": [[{"$": "list", "items": []}, data(1)]]}, "x: entry 0 has a key that cannot be one"),
        ({"$": "dict", "items": [[data(2**64), data(1)]]}, "x: entry 0 has a key that cannot be one"),
        ({"$": "dict", "items": [[data("a"), data(1)]] * 2}, "x: entry 1 has a key that cannot be one, or stands there twice"),
        ({"$": "dict", "items": [[data(i), data(1)] for i in range(MOST_OTHER_KEYS + 1)]}, "x: it has more than 2,000 keys"),
        ({**BYTES, "name": "c"}, "x: the file has no tensor 'c'"),
        ({**BYTES, "device": "meta"}, r"x.device: expected a device \(cpu, cuda, mps, xpu\), got 'meta'"),
        ({**BYTES, "device": "cuda:x"}, "x: .*"),
        ({**BYTES, "strides": [1, 1]}, r"x: 2 strides are of no tensor of \[8\]"),
        ({**BYTES, "strides": [-1]}, r"x.strides\[0\]: expected a size, got -1"),
        ({**ARRAY, "dtype": "O"}, "x.dtype: expected a number format of numpy, got 'O'"),
        ({**ARRAY, "dtype": "<f4,<f4"}, "x.dtype: expected a number format"),
        ({**ARRAY, "shape": [3]}, r"x: an array of \[3\] does not have 8 bytes"),
        ({**ARRAY, "shape": [-2]}, r"x.shape\[0\]: expected a size"),
        ({**ARRAY, "shape": [1] * 33}, "x.shape: expected at most 32 sizes"),
        ({**ARRAY, "bytes": FLOATS}, "x: the tensor 'f' is no row of bytes"),
        ({**PICTURE, "mode": "CMYK"}, "x.mode: expected a mode"),
        ({**PICTURE, "size": [100_000, 100_000]}, "x: an image of 100000x100000 does not have 8 bytes"),
        ({**PICTURE, "size": [0, 1 << 30]}, "x.size: expected width and height"),
        ({"$": "generator", "device": "cpu", "number": 0, "state": BYTES}, "x: Expected a CPUGeneratorImplState"),
        ({"$": "generator", "device": "cpu", "number": 0, "state": FLOATS}, "x: the tensor 'f' is no row of bytes"),
    ],
)  # fmt: skip
def test_notes_that_lie_are_refused_with_their_place(node: Any, message: str) -> None:
    with pytest.raises(RepoError, match=f"^the data cannot be read as values: {message}|^{message}"):
        load_values(file(node))


def test_all_faults_of_a_file_are_named() -> None:
    with pytest.raises(RepoError) as error:
        load_values(file({"$": "list", "items": [{**ARRAY, "shape": [3]}, {"$": "x"}]}))
    assert len(error.value.faults) == 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="the device is there")
def test_a_device_that_is_not_here_is_said() -> None:
    for node in ({**BYTES, "device": "cuda"}, {"$": "generator", "device": "cuda", "number": 0, "state": BYTES}):
        with pytest.raises(RepoError, match="x: .*CUDA"):
            load_values(file(node))


@pytest.mark.parametrize("notes", [{"format": "x"}, {"more": "x"}, {"about": "[]"}, {"about": "{"}, {"values": "1"}])
def test_another_format_is_said(notes: dict[str, str]) -> None:
    with pytest.raises(RepoError, match="the data cannot be read as values"):
        load_values(file(data(1), **notes))


def test_a_flipped_bit_anywhere_is_refused() -> None:
    content = save_values(
        None, {"a": torch.arange(4.0), "b": [1, "two"], "c": torch.zeros(0, dtype=torch.bfloat16)}, {"n": 12}
    )
    start = 8 + int.from_bytes(content[:8], "little")
    for place in range(len(content)):
        if content[place] == 0x20 and content[place:start].strip() == b"":
            continue  # blanks that align the tensors say nothing
        for bit in (1, 8):
            with pytest.raises(RepoError):
                load_values(content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :])
    assert load_values(content)[1] == {"n": 12}


def test_files_of_earlier_versions_have_no_digest() -> None:
    tensors = {"0": torch.zeros(2)}
    values = {"x": {"$": "tensor", "name": "0", "device": "cpu", "strides": None}}
    notes = {"format": "brickwork values 1", "values": json.dumps(values), "about": "{}"}
    assert torch.equal(load_values(save(tensors, notes))[0]["x"], tensors["0"])
    with pytest.raises(RepoError, match="it is damaged: by its own digest something else was written"):
        load_values(save(tensors, {**notes, "digest": "0" * 32}))
