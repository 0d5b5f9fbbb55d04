"""Stamps of tensors: what is cheap to ask, and moves with every change that goes through torch."""

from __future__ import annotations

import pytest
import torch

from brickwork.state.watch import tensor_stamps


def of_inference() -> torch.Tensor:
    with torch.inference_mode():
        return torch.ones(2)


SPARSE = torch.eye(2).to_sparse()


@pytest.mark.parametrize("odd", [SPARSE, of_inference()], ids=["sparse", "inference"])
def test_tensors_without_a_counter_or_an_address_do_not_hide_the_others(odd: torch.Tensor) -> None:
    plain = torch.ones(2)
    before = tensor_stamps([plain, odd])
    assert before == tensor_stamps([plain, odd])
    plain.add_(1)
    after = tensor_stamps([plain, odd])
    assert [one != other for one, other in zip(before, after, strict=True)] == [True, False, False, False]


def test_an_address_moves_with_the_memory_and_that_of_a_sparse_tensor_with_the_object() -> None:
    plain, other = torch.ones(2), torch.ones(2)
    odd = torch.eye(2).to_sparse()
    assert tensor_stamps([plain, SPARSE])[2:] == [plain.data_ptr(), id(SPARSE)]
    assert tensor_stamps([other, odd])[2:] == [other.data_ptr(), id(odd)]
    assert tensor_stamps([]) == []
