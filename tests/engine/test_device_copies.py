"""Copies to a device are queued where they can be, and give what plain ones give."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from simulated_device import DEVICE, SimulatedDevice, held

from brickwork.engine.device_copies import queued_copies, sent


@pytest.fixture
def device() -> Iterator[SimulatedDevice]:
    with SimulatedDevice() as made:
        yield made


VALUE = torch.arange(12, dtype=torch.float32).reshape(3, 4).t()


@pytest.mark.parametrize("dtype", [None, torch.float16])
def test_a_copy_is_queued_and_equals_the_plain_one(dtype: torch.dtype | None, device: SimulatedDevice) -> None:
    plain = VALUE.to(DEVICE, dtype or VALUE.dtype)
    assert [each.kind for each in device.found] == ["to device"]
    device.found.clear()
    made = sent(VALUE, DEVICE, dtype)
    assert device.found == []
    assert made.device.type == DEVICE.type
    assert made.dtype == plain.dtype
    assert torch.equal(held(made), held(plain))


def test_what_cannot_be_pinned_is_copied_all_the_same(device: SimulatedDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> bool:
        raise RuntimeError("no such memory")

    monkeypatch.setattr(torch.Tensor, "is_pinned", refuse)
    assert torch.equal(held(sent(VALUE, DEVICE)), VALUE)
    assert [each.kind for each in device.found] == ["to device"]


def test_on_the_host_nothing_is_copied() -> None:
    assert sent(VALUE, "cpu") is VALUE
    assert sent(VALUE, "cpu", torch.float16).dtype == torch.float16


def test_noise_of_a_host_generator_is_the_same_and_leaves_it_the_same(device: SimulatedDevice) -> None:
    from diffusers.utils.torch_utils import randn_tensor

    plain, queued = (torch.Generator().manual_seed(3) for _ in range(2))
    expected = randn_tensor((2, 4), generator=plain, device=DEVICE)
    assert [each.kind for each in device.found] == ["to device"]
    device.found.clear()
    with queued_copies(DEVICE):
        made = randn_tensor((2, 4), generator=queued, device=DEVICE)
    assert device.found == []
    assert torch.equal(held(made), held(expected))
    assert torch.equal(plain.get_state(), queued.get_state())


def test_keywords_lists_of_places_and_systems_of_equations_are_queued_too(device: SimulatedDevice) -> None:
    square = sent(torch.tensor([[2.0, 1.0], [1.0, 3.0]]), DEVICE)
    right = sent(torch.tensor([1.0, 2.0]), DEVICE)
    with queued_copies(DEVICE):
        cast = VALUE.to(device=DEVICE, dtype=torch.float64)
        rows = square[[1, 0]]
        solved = torch.linalg.solve(square, right)
    assert device.found == []
    assert cast.dtype == torch.float64
    assert torch.equal(held(cast), VALUE.double())
    assert torch.equal(held(rows), torch.tensor([[1.0, 3.0], [2.0, 1.0]]))
    assert torch.equal(held(solved), torch.linalg.solve(held(square), held(right)))
    assert torch.equal(held(square[[1, 0]]), held(rows))
    torch.linalg.solve(square, right)
    assert [each.kind for each in device.found] == ["index of the host", "check"]


def test_what_goes_elsewhere_or_asks_for_more_is_left_alone(device: SimulatedDevice) -> None:
    with queued_copies(DEVICE):
        assert VALUE.to(torch.float16).dtype == torch.float16
        assert VALUE.to("cpu") is VALUE
        copied = VALUE.to(DEVICE, copy=True)
        back = copied.to("cpu")
    assert torch.equal(back, VALUE)
    assert [each.kind for each in device.found] == ["to device", "to host"]
