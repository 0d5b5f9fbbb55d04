"""Bytes of values, and what is said and let go of where memory runs out."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.testing._internal.two_tensor import TwoTensor

from brickwork.engine.execution.out_of_memory import is_out_of_memory, relieve
from brickwork.engine.memory import held_bytes, tensor_bytes

FOUR = torch.zeros(4)  # 16 bytes
WRAPPED = TwoTensor(torch.zeros(3), torch.zeros(3))


class Odd:
    """Says a size that is none."""

    nbytes = "many"

    def __sizeof__(self) -> int:
        return 40


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([FOUR], 16),
        ([FOUR, FOUR], 16),
        ([FOUR[:2], FOUR[2:]], 16),
        ([FOUR, torch.zeros(4)], 32),
        ([[FOUR], (torch.zeros(1),), {"a": {"b": torch.zeros(2)}}], 28),
        ([MappingProxyType({"a": FOUR})], 16),
        ([np.zeros(3)], 24),
        ([{np.float32(1)}, frozenset({np.float64(2)})], 12),
        ([Image.new("RGB", (3, 2))], 18),
        ([Image.new("L", (3, 2))], 6),
        ([Image.new("F", (3, 2))], 24),
        ([Image.new("I", (3, 2))], 24),
        ([{"a": 1}.values()], (1).__sizeof__()),
        ([WRAPPED, WRAPPED.a], 24),
        ([], 0),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bytes_that_are_held_count_whole_storages_once(values: list[Any], expected: int) -> None:
    assert held_bytes(values) == expected


def test_other_objects_count_by_what_python_says() -> None:
    assert held_bytes([Odd()]) >= 40
    assert held_bytes(["a" * 1000]) > 1000


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([FOUR], 16),
        ([FOUR, FOUR, [FOUR, (FOUR,)]], 16),
        ([FOUR[:2]], 8),
        ([FOUR[:2], FOUR], 16),
        ([FOUR, FOUR[:2]], 16),
        ([WRAPPED], 24),
        ([torch.zeros(2, dtype=torch.int8), torch.zeros(3, dtype=torch.float64)], 26),
        (["text", 3, None, np.zeros(3), {"a": FOUR}], 0),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bytes_of_tensors_are_those_that_they_show(values: list[Any], expected: int) -> None:
    assert tensor_bytes(values) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("x"), True),
        (MemoryError(), True),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"),
            True,
        ),
        (RuntimeError("not enough memory: you tried to allocate 1 bytes."), True),
        (RuntimeError("can't allocate memory"), True),
        (RuntimeError("DefaultCPUAllocator"), True),
        (RuntimeError("shapes do not match"), False),
        (ValueError("not enough memory"), False),
    ],
)
def test_memory_has_run_out_where_an_allocation_failed(error: BaseException, expected: bool) -> None:
    assert is_out_of_memory(error) is expected


def failed(advice: list[str], freed: list[str] | None) -> tuple[MemoryError, dict[str, Any]]:
    """An error with a frame that holds a value, and the values that there were."""
    values: dict[str, Any] = {
        "a": torch.zeros(250),
        "b": torch.zeros(2500),
        "c": torch.zeros(25),
        "d": [torch.zeros(500)],
        "text": "words",
    }

    def fill() -> None:
        held = torch.zeros(3)
        raise MemoryError(held.shape)

    error = MemoryError()
    try:
        fill()
    except MemoryError as raised:
        error = raised
    relieve(error, values, advice, None if freed is None else lambda: freed.append("all"))
    return error, values


def test_the_largest_values_are_named_and_all_are_let_go_of() -> None:
    error, values = failed(["Take less."], None)
    (note,) = error.__notes__
    assert note.splitlines() == [
        "Memory ran out. The run's values took 13.1 KB (b 10.0 KB, d 2.0 KB, a 1.0 KB), and are let go of now.",
        "What would help:",
        "  - Take less.",
        "  - let a ComponentsManager keep on the device only what is in use: manager.enable_auto_cpu_offload()",
    ]
    assert values == {}
    assert error.__traceback__ is not None
    frame = error.__traceback__.tb_next
    assert frame is not None
    assert frame.tb_frame.f_locals == {}


def test_components_are_freed_where_that_is_possible_and_nobody_is_told_to_see_to_it() -> None:
    freed: list[str] = []
    error, _ = failed(["One.", "Two."], freed)
    assert freed == ["all"]
    assert error.__notes__[0].splitlines()[1:] == ["What would help:", "  - One.", "  - Two."]


def test_values_without_tensors_are_not_named() -> None:
    error = MemoryError()
    relieve(error, {"text": "words"}, [], lambda: None)
    assert error.__notes__ == ["Memory ran out. The run's values took 0 B, and are let go of now.\nWhat would help:"]
