"""The values of a run."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from brickwork import BlockState, InputError, MissingValueError, PipelineState, RunError


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


@pytest.mark.parametrize("write", [PipelineState.__setattr__, PipelineState.__setitem__], ids=["attribute", "item"])
def test_a_value_that_is_assigned_is_refused_with_how_to_write_it(write: Any) -> None:
    state = PipelineState({"latents": 1})
    for name in ("latents", "get", "new"):
        with pytest.raises(InputError, match=rf"state.set\('{name}', value\).*pipe\(state, {name}=value\)"):
            write(state, name, 2)
    assert state.to_dict() == {"latents": 1}
    state.recipe = "its own"
    assert state.recipe == "its own"


def test_a_value_is_read_in_brackets_and_its_names_are_listed() -> None:
    state = PipelineState({"images": 1, "latents": 2, "not a name": 3})
    assert state["images"] == 1
    assert list(state) == ["images", "latents", "not a name"]
    assert "images" in state
    assert "image" not in state
    assert {"images", "latents", "set", "values"} <= set(dir(state))
    assert "not a name" not in dir(state)


@pytest.mark.parametrize("read", [getattr, PipelineState.__getitem__], ids=["attribute", "item"])
def test_a_misspelt_value_names_the_nearest_in_every_spelling(read: Any) -> None:
    with pytest.raises(MissingValueError, match="The state has no value 'imgaes'. Did you mean 'images'?"):
        read(PipelineState({"images": 1}), "imgaes")


def test_a_number_in_brackets_is_told_that_values_have_names() -> None:
    with pytest.raises(InputError, match=r"state\[0\]: values are read by name.*There are: images."):
        _ = PipelineState({"images": 1})[0]


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
