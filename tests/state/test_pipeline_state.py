"""The values of a run."""

from __future__ import annotations

import pytest
import torch

from brickwork import BlockState, PipelineState, RunError


def test_values_are_read_by_name_attribute_or_list() -> None:
    state = PipelineState()
    state.set("image", "a")
    state.set("mask", "b")
    assert state.get("image") == "a"
    assert state.image == "a"
    assert state.get(["image", "mask"]) == {"image": "a", "mask": "b"}
    assert state.get("nothing", 3) == 3
    assert "mask" in state


def test_a_group_is_read_as_a_dict() -> None:
    state = PipelineState()
    state.set("prompt_embeds", 1, kwargs_type="denoiser_input_fields")
    state.set("other", 2)
    assert state.get_by_kwargs("denoiser_input_fields") == {"prompt_embeds": 1}


def test_an_unknown_attribute_names_the_nearest() -> None:
    with pytest.raises(AttributeError, match="no value 'imges'. Did you mean 'images'"):
        _ = PipelineState({"images": 1}).imges


def test_a_copy_shares_values_and_not_the_dict() -> None:
    tensor = torch.zeros(2)
    state = PipelineState({"x": tensor})
    other = state.copy()
    other.set("y", 1)
    assert other.x is tensor
    assert "y" not in state


def test_tensors_are_shown_by_shape_and_type() -> None:
    text = repr(PipelineState({"latents": torch.zeros(1, 4, 8, 8), "n": 3}, provenance={"latents": "denoise"}))
    assert "Tensor[1, 4, 8, 8] torch.float32, cpu" in text
    assert "(from denoise)" in text
    assert "BlockState" in repr(BlockState(latents=torch.zeros(1)))


def test_a_view_reads_and_writes_the_values_themselves() -> None:
    values = {"x": 1}
    view = BlockState.over(values)
    view.y = view.x + 1
    assert values == {"x": 1, "y": 2}
    assert view.as_dict() == values


def test_a_missing_value_of_a_view_names_the_nearest() -> None:
    view = BlockState(latents=1)
    with pytest.raises(RunError, match="'latent'.*Did you mean 'latents'"):
        _ = view.latent
    assert getattr(view, "nothing", 5) == 5
