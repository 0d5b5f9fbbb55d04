"""Values as data and in files: what comes back is the same, everything else is refused by name."""

from __future__ import annotations

import json
import warnings
from collections import deque
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save

from brickwork import RepoError, RunError
from brickwork.state.digest import NoDigestError, digest_of
from brickwork.state.layout import with_strides
from brickwork.state.limits import DEEPEST_DATA
from brickwork.state.value_data import data_of, is_note, note_of, value_of_data
from brickwork.state.value_file import load_values, save_values


def there_and_back(value: Any) -> Any:
    return load_values(save_values(None, {"value": value}, {}))[0]["value"]


def quantized() -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.quint8)


PLAIN: list[Any] = [
    None, True, 3, "text", 0.5, float("inf"), float("-inf"), [1, (2, [3])], (), {"a": {"b": 1}}, {"$": "tuple"}, {"a": {"$": 1}},
    torch.float16, torch.device("cpu"), torch.device("cuda", 1),
]  # fmt: skip


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_data_comes_back_as_the_same(value: Any) -> None:
    again = value_of_data(json.loads(json.dumps(data_of(value))))
    assert again == value
    assert type(again) is type(value)


def test_a_number_that_is_none_and_a_mapping_of_another_class_are_data() -> None:
    assert str(value_of_data(data_of(float("nan")))) == "nan"
    assert data_of(MappingProxyType({"a": (1,)})) == {"a": {"$": "tuple", "items": [1]}}


class Whole(int):
    """A number of somebody's own."""


@pytest.mark.parametrize(
    ("value", "name"),
    [(Whole(1), "Whole"), (np.float64(1), "numpy.float64"), ({1: 2}, "builtins.dict"), ({1}, "builtins.set"),
     ([(object(),)], "builtins.object"), (torch.strided, "torch.layout"), (b"a", "builtins.bytes")],
    ids=lambda value: str(type(value)),
)  # fmt: skip
def test_what_is_no_data_is_refused_with_its_class(value: Any, name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name} is no plain data$"):
        data_of(value)


def test_data_that_are_nested_deeper_than_is_read_are_refused() -> None:
    value: Any = 1
    for _ in range(DEEPEST_DATA):
        value = [value]
    assert value_of_data(data_of(value)) == value
    with pytest.raises(ValueError, match=rf"^it is nested deeper than {DEEPEST_DATA} levels$"):
        data_of([value])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"$": "float", "value": "1e5"}, "'1e5' is none of nan, inf, -inf"),
        ({"$": "pickle", "value": "x"}, "'pickle' is no kind of value"),
        ({"$": "dtype", "value": "torch.Tensor"}, "'torch.Tensor' is no number format"),
        ({"$": "dtype", "value": "torch.nothing"}, "'torch.nothing' is no number format"),
        ({"$": "device", "value": "desk:0"}, "desk"),
        ([{"a": note_of("a function")}], "it was a function, which was not written down; give it yourself"),
    ],
)
def test_data_that_stands_for_nothing_is_refused(data: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        value_of_data(data)


@pytest.mark.parametrize(
    ("data", "expected"),
    [(note_of("x"), True), ({"$": "tuple", "items": []}, False), ({}, False), ("not written", False)],
)
def test_a_note_is_told_from_a_value(data: Any, expected: bool) -> None:
    assert is_note(data) is expected


@pytest.mark.parametrize(
    "value",
    [
        [], (1, [2]), deque([1, 2], maxlen=3), deque([1]), {"a": 1, 2: None, (3,): "b"}, "text", 1.5, torch.float16,
        np.arange(6).reshape(2, 3), np.float32(0.5), np.array(True), np.zeros((0, 2)), np.arange(6)[::2],
    ],
    ids=repr,
)  # fmt: skip
def test_values_in_a_file_come_back_as_the_same(value: Any) -> None:
    again = there_and_back(value)
    assert type(again) is type(value)
    assert np.array_equal(again, value) if isinstance(value, np.ndarray) else digest_of(again) == digest_of(value)
    assert getattr(again, "dtype", None) == getattr(value, "dtype", None)
    if isinstance(value, deque):
        assert again.maxlen == value.maxlen


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "1", "F", "I"])
def test_pictures_come_back_as_the_same(mode: str) -> None:
    picture = Image.fromarray(np.arange(60, dtype=np.uint8).reshape(4, 5, 3)).convert(mode)
    again = there_and_back(picture)
    assert (again.mode, again.size, again.tobytes()) == (mode, (5, 4), picture.tobytes())


@pytest.mark.parametrize(
    ("tensor", "strides"),
    [
        (torch.arange(6.0).reshape(2, 3), (3, 1)),
        (torch.arange(6).reshape(2, 3).T, (1, 3)),
        (torch.rand(1, 2, 3, 4).to(memory_format=torch.channels_last), (24, 1, 8, 2)),
        (torch.tensor(1.0, dtype=torch.bfloat16), ()),
        (torch.zeros(0, 3), (3, 1)),
        (torch.arange(3.0).expand(2, 3), (0, 1)),
        (torch.arange(6.0)[::2], (2,)),
        (torch.arange(4.0).unfold(0, 2, 1), (1, 1)),
        (torch.rand(3, 1, 2).transpose(0, 1), (2, 2, 1)),
        (torch.zeros(0, 3).T, (1, 3)),
        # Gaps that would take more than sixteen times the memory are closed.
        (torch.arange(20000.0)[::1000], (1,)),
    ],
)
def test_tensors_come_back_with_numbers_format_and_order_in_memory(
    tensor: torch.Tensor, strides: tuple[int, ...]
) -> None:
    again = there_and_back(tensor)
    assert torch.equal(again, tensor)
    assert again.dtype == tensor.dtype
    assert again.stride() == strides


def test_a_tensor_and_a_generator_that_stand_in_two_places_stay_one() -> None:
    tensor, generator = torch.zeros(2), torch.Generator().manual_seed(3)
    torch.rand(1, generator=generator)
    expected = generator.get_state()
    content = save_values(None, {"a": [tensor, generator], "b": (tensor, generator), "c": torch.Generator()}, {})
    values, _ = load_values(content)
    assert values["a"][0] is values["b"][0]
    assert values["a"][1] is values["b"][1]
    assert values["c"] is not values["a"][1]
    assert torch.equal(values["a"][1].get_state(), expected)


def test_what_is_said_about_values_comes_back_from_a_file(tmp_path: Path) -> None:
    content = save_values(tmp_path / "values", {"a": 1}, {"words": ["x", None]})
    assert (tmp_path / "values").read_bytes() == content
    assert load_values(tmp_path / "values") == ({"a": 1}, {"words": ["x", None]})


NOT_WRITTEN: list[tuple[Any, str]] = [
    (torch.zeros(2, 2).to_sparse(), "a tensor of layout torch.sparse_coo on cpu"),
    (torch.zeros(2, device="meta"), "a tensor of layout torch.strided on meta"),
    (quantized(), "a tensor of layout torch.strided on cpu"),
    (torch.zeros(1, requires_grad=True), "a tensor that records gradients; detach it"),
    (np.array([None, 1], dtype=object), "a numpy ndarray"),
    (np.array(["a"]), "a numpy ndarray"),
    (np.datetime64("2024-01-01"), "a numpy datetime64"),
    (np.random.default_rng(1), "a numpy Generator"),
    (Image.new("P", (1, 1)), "an image of mode P; convert it to RGB"),
    (Image.new("CMYK", (1, 1)), "an image of mode CMYK; convert it to RGB"),
    ({"a": [object()]}, "a builtins.object is no plain data"),
]


@pytest.mark.parametrize(("value", "fault"), NOT_WRITTEN, ids=[fault for _, fault in NOT_WRITTEN])
def test_what_no_file_holds_is_refused_by_name(value: Any, fault: str) -> None:
    with pytest.raises(RunError) as caught:
        save_values(None, {"fine": 1, "odd": value}, {})
    assert str(caught.value) == f"odd: {fault}"


def test_every_value_that_no_file_holds_is_named() -> None:
    with pytest.raises(RunError) as caught:
        save_values(None, {"one": object(), "fine": 1, "two": {1}}, {})
    assert str(caught.value).startswith("These values cannot be written to a file: 2 faults")
    assert [fault.partition(":")[0] for fault in caught.value.faults] == ["one", "two"]


def changed(data: Any, tensors: dict[str, Any], **header: Any) -> bytes:
    """A file whose header says something else."""
    told = {"format": "brickwork values 1", "values": json.dumps(data), "about": "{}", **header}
    content: bytes = save(tensors, metadata={name: text for name, text in told.items() if text is not None})
    return content


ARRAY = {"$": "array", "dtype": "<f4", "shape": [1], "scalar": False}
BYTES = {"$": "tensor", "name": "0", "device": "cpu", "strides": None}


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "values").write_bytes(b"")
    with pytest.raises(RepoError, match=rf"^{tmp_path}/values cannot be read as values"):
        load_values(tmp_path / "values")


UNCOMPARABLE: list[tuple[Any, str]] = [
    (torch.zeros(2, 2).to_sparse(), "layout torch.sparse_coo on cpu"),
    (quantized(), "A quantized tensor"),
    (torch.zeros(2, device="meta"), "layout torch.strided on meta"),
    (np.array([iter(())], dtype=object), "builtins.tuple_iterator has no content"),
    (np.random.default_rng(1), "numpy.random._generator.Generator draws at random"),
]


@pytest.mark.parametrize(("value", "message"), UNCOMPARABLE, ids=[message for _, message in UNCOMPARABLE])
def test_values_without_bytes_of_their_own_have_no_digest(value: Any, message: str) -> None:
    with pytest.raises(NoDigestError, match=message):
        digest_of({"inner": [value]})


IMAGES = np.arange(24.0, dtype=np.float32).reshape(2, 3, 4)
COMPLEX = torch.complex(torch.arange(3.0), torch.ones(3))


@pytest.mark.parametrize(
    "value",
    [
        IMAGES[:, ::-1], np.asfortranarray(IMAGES), IMAGES[:, :, ::2], IMAGES.astype(">f4")[::-1, ::-1], np.broadcast_to(IMAGES[0], (5, 3, 4)),
        np.lib.stride_tricks.sliding_window_view(np.arange(9.0), 3), np.empty((0, 3)).T, np.ones((3, 1, 4)).transpose(1, 0, 2),
        np.zeros(4, dtype=[("a", "u1"), ("b", "f4")])["b"], np.ones((3, 4), bool).T, np.array(3.0), np.float32(2),
        torch._neg_view(torch.rand(2, 3)), COMPLEX.conj(), COMPLEX.conj().imag, torch._neg_view(COMPLEX).conj(), torch._neg_view(torch.rand(2, 6)[:, ::2]),
        COMPLEX.expand(2, 3).conj(), torch._neg_view(torch.tensor([-128, 1], dtype=torch.int8)),
    ],
    ids=range(19),
)  # fmt: skip
def test_values_come_back_as_they_lay_in_memory_and_were_read(value: Any) -> None:
    again = there_and_back(value)
    assert bool((again == value).all())
    assert digest_of(again) == digest_of(value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strides": [0]}, "numbers that share a place in memory are not the same"),
        ({"strides": [4, 4]}, r"2 strides are of no array of \[2\]"),
        ({"strides": [1 << 62]}, "expected a stride"),
        ({"strides": [1.5]}, "expected int"),
    ],
)
def test_a_layout_that_is_none_is_refused(change: dict[str, Any], message: str) -> None:
    node = {"$": "array", "dtype": "<f4", "shape": [2], "scalar": False, "bytes": BYTES, **change}
    tensors = {"0": torch.arange(8, dtype=torch.uint8)}
    notes = {"format": "brickwork values 1", "about": "{}", "values": json.dumps({"x": node})}
    with pytest.raises(RepoError, match=message):
        load_values(save(tensors, notes))


@pytest.mark.parametrize("strides", [[1 << 61], [-(1 << 61)], [100_000]])
def test_gaps_that_a_file_claims_are_not_made(strides: list[int]) -> None:
    node = {"$": "array", "dtype": "<f4", "shape": [2], "scalar": False, "bytes": BYTES, "strides": strides}
    notes = {"format": "brickwork values 1", "about": "{}", "values": json.dumps({"x": node})}
    assert load_values(save({"0": torch.zeros(8, dtype=torch.uint8)}, notes))[0]["x"].strides == (4,)


def test_bytes_stand_for_one_value_only() -> None:
    node = {"$": "array", "dtype": "<f4", "shape": [2], "scalar": False, "bytes": BYTES}
    notes = {"format": "brickwork values 1", "about": "{}", "values": json.dumps({"x": node, "y": node})}
    with pytest.raises(RepoError, match="y: the tensor '0' is the bytes of another value, too"):
        load_values(save({"0": torch.zeros(8, dtype=torch.uint8)}, notes))


@pytest.mark.parametrize(
    ("strides", "words"),
    [([0], "numbers that share a place in memory are not the same"), ([1, 1], r"2 strides are of no tensor of \[2\]")],
)
def test_strides_that_do_not_fit_a_tensor_are_refused(strides: list[int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        with_strides(torch.tensor([1.0, 2.0]), strides)
    assert with_strides(torch.tensor([1.0, 1.0]), [0]).stride() == (0,)
