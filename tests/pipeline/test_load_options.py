"""Options of loading: what each may be, what is refused in words, and what goes on to the loaders."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import brickwork
from brickwork import InputError
from brickwork.pipeline.load_options import named_in, own_option, refuse_odd_options, said_once


def test_an_option_of_one_component_goes_to_it_and_the_default_to_the_others() -> None:
    assert [own_option({"unet": 1, "default": 2}, name) for name in ("unet", "vae")] == [1, 2]
    assert (own_option({"unet": 1}, "vae"), own_option(3, "vae")) == (None, 3)
    assert ([*named_in({"unet": 1, "default": 2})], [*named_in("fp16")]) == (["unet", "default"], [])


def test_a_fault_of_several_components_is_said_once_with_their_names() -> None:
    assert said_once({"no file": ["unet"], "no room": ["unet", "vae"]}) == ["no file", "unet, vae: no room"]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("dtyp", "Did you mean 'dtype'?"),
        ("device", "components are put on one by pipe.to(device)"),
        ("lock", "a lock is given when a repository is opened"),
        ("components_manager", "a manager is given when a pipeline is made"),
    ],
)
def test_an_option_of_something_else_is_answered_with_where_it_goes(option: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        refuse_odd_options({option: "cpu"})
    assert f"load_components has no option {option!r}" in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize("given", [["cpu"], True, 1.5, {"unet": ["cpu"]}])
def test_what_divides_no_model_over_devices_is_answered_with_what_does(given: Any) -> None:
    with pytest.raises(
        InputError, match=r"device_map has (\['cpu'\] \(list\)|True|1.5).*; it takes the name of a device"
    ):
        brickwork.embedded(device_map=given)


@pytest.mark.parametrize("given", ["cpu", {"unet": {"": "cpu"}, "default": None}, {"unet": torch.device("cpu")}])
def test_what_divides_a_model_over_devices_goes_to_its_loader(given: Any) -> None:
    assert brickwork.embedded(device_map=given).unet.device.type == "cpu"
