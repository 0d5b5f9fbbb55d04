"""What `devices=` takes, and what it says of what it does not take."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from device_doubles import CloneMemory

from brickwork import ComponentError, ComponentsManager
from brickwork.registry.devices.device_choice import DeviceChoice
from brickwork.registry.devices.device_memory import DeviceMemory

TWO = ("cuda:0", "cuda:1")
ROLES = {"denoiser": ["unet"], "text_encoders": ["text_encoder", "text_encoder_2"]}
NAMES = ["text_encoder", "text_encoder_2", "unet", "vae"]


def test_a_name_goes_before_its_role_and_that_before_all_others() -> None:
    given = {"default": torch.device("cuda:0"), "text_encoders": "cuda:1", "text_encoder_2": "cuda:0"}
    choice = DeviceChoice.read(given, TWO)
    assert choice.for_components(NAMES, ROLES, NAMES) == {
        "text_encoder": "cuda:1",
        "text_encoder_2": "cuda:0",
        "unet": "cuda:0",
        "vae": "cuda:0",
    }
    assert (choice.names, choice.main, choice.is_planned) == (TWO, "cuda:0", False)


def test_without_a_default_the_first_device_stands_for_all_and_each_model_is_named() -> None:
    choice = DeviceChoice.read({"denoiser": "cuda:1", "vae": "cuda:0"}, TWO)
    assert choice.main == "cuda:1"
    assert choice.for_components(["unet", "vae"], ROLES, NAMES) == {"unet": "cuda:1", "vae": "cuda:0"}
    with pytest.raises(ComponentError, match="'text_encoder' has no device"):
        choice.for_components(NAMES, ROLES, NAMES)


def test_a_list_is_a_plan() -> None:
    choice = DeviceChoice.read(list(TWO), TWO)
    assert (choice.names, choice.main, choice.is_planned) == (TWO, "cuda:0", True)


@pytest.mark.parametrize(
    ("devices", "said"),
    [
        ("cuda:0", r"devices= is 'cuda:0'; it takes a mapping .* For one device: enable_auto_cpu_offload\('cuda:0'\)"),
        (3, "devices= is 3; it takes a mapping"),
        ([], "devices= is empty"),
        ({}, "devices= is empty"),
        (["cuda:0", "cuda:1", "cuda:0"], "devices= has cuda:0 twice"),
        (["cuda:0", "cpu"], r"several kinds \(cpu, cuda\), which round differently, .* devices=\{'text_encoders': 'cpu', 'default': 'cuda:0'\}"),
        ({"unet": "cdua"}, "unet: 'cdua' is no device: "),
        (["cuda:0", "cdua"], "'cdua' is no device: "),
        ({1: "cuda:0"}, "1 is no name"),
        ({"unet": "xpu:7"}, "unet: This machine has no device 'xpu:7' to place components on. There are: cpu"),
        ({"unet": "xpu:7", "vae": "xpu:8"}, "(?s)2 faults.*'xpu:7'.*'xpu:8'"),
    ],
)  # fmt: skip
def test_what_is_no_choice_is_said(devices: Any, said: str) -> None:
    with pytest.raises(ComponentError, match=said):
        DeviceChoice.read(devices, TWO)


def enabled(**options: Any) -> Any:
    manager = ComponentsManager()
    manager.enable_auto_cpu_offload(**{"memory": {name: CloneMemory() for name in TWO}, **options})
    return manager.placement


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"devices": TWO, "budget": {"cuda:0": "1GB"}}, "budget says nothing of 'cuda:1'."),
        ({"devices": TWO, "budget": {"cuda:0": "1GB", "cuda:2": "1GB"}}, "budget names 'cuda:2', which is no device of devices="),
        ({"devices": TWO, "memory_reserve_margin": {"cuda:0": "1GB"}}, "memory_reserve_margin says nothing of 'cuda:1'."),
        ({"devices": ["cuda:0"]}, "memory names 'cuda:1', which is no device of devices="),
        ({"devices": TWO, "memory": CloneMemory()}, "memory= of several devices is a mapping"),
        ({"devices": TWO, "device": "cuda:0"}, "device='cuda:0' and devices= were both given"),
        ({"device": "cpu", "memory": None, "budget": {"cpu": "1GB"}}, "budget is a mapping from devices, and there is one device"),
        ({"device": "cpu", "memory": None, "memory_reserve_margin": {"cpu": "1GB"}}, "memory_reserve_margin is a mapping"),
        ({"device": "cpu"}, "memory is a mapping"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_devices_is_said(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ComponentError, match=said):
        enabled(**options)


def test_budgets_are_for_each_device_or_for_all() -> None:
    placement = enabled(devices=TWO, budget="1GB", memory_reserve_margin={"cuda:0": "1MB", "cuda:1": "2MB"})
    assert {name: (each.budget, each.reserve) for name, each in placement.each.items()} == {
        "cuda:0": (10**9, 10**6),
        "cuda:1": (10**9, 2 * 10**6),
    }


def test_a_rule_of_ones_own_is_for_all_devices() -> None:
    manager = ComponentsManager()
    manager.enable_auto_cpu_offload(devices=TWO, memory={name: CloneMemory() for name in TWO})

    def rule(*_: Any) -> list[str]:
        return []

    manager.set_offload_strategy(rule)
    placement: Any = manager.placement
    assert placement.strategy is rule
    assert [each.strategy for each in placement.each.values()] == [rule, rule]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"budget": "much"}, "'much' is no number of bytes"),
        ({"budget": True}, "True is no number of bytes"),
        ({"memory_reserve_margin": "little"}, "'little' is no number of bytes"),
        ({"memory_reserve_margin": []}, r"\[\] is no number of bytes"),
        ({"memory": "cuda"}, r"^memory is 'cuda' \(str\); it is a DeviceMemory, or left out for the device's own\.$"),
        ({"layers": "no"}, r"^layers is 'no' \(str\); it is True or False\.$"),
    ],
)
@pytest.mark.parametrize("several", [False, True])
def test_what_is_given_is_refused_before_an_earlier_placement_is_turned_off(
    given: dict[str, Any], words: str, several: bool
) -> None:
    manager = ComponentsManager()
    manager.enable_auto_cpu_offload("cpu", memory=DeviceMemory())
    earlier = manager.placement
    assert earlier is not None
    options: dict[str, Any] = {"memory": DeviceMemory(), "device": "cpu", **given}
    if several:
        del options["device"]
        options |= {"devices": ["cuda:0"], "memory": {"cuda:0": options["memory"]}}
    with pytest.raises(ComponentError, match=words):
        manager.enable_auto_cpu_offload(**options)
    assert manager.placement is earlier
