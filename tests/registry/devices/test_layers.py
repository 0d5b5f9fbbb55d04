"""How a model is cut into parts, and which of them a device of some size takes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from device_doubles import CloneMemory, RecordedStreams

from brickwork.registry.devices.component_bytes import component_bytes
from brickwork.registry.devices.device_memory import DeviceMemory
from brickwork.registry.devices.layers import layering, least_bytes, not_in_parts
from brickwork.registry.devices.moved_tensors import held_tensors
from tiny_sdxl import make_unet

Linear = torch.nn.Linear


class Network(torch.nn.Module):
    """First and last of its own, and a list of blocks between."""

    def __init__(self, *blocks: torch.nn.Module, first: bool = True) -> None:
        super().__init__()
        if first:
            self.first = Linear(4, 4, bias=False)
        self.blocks = torch.nn.ModuleList(blocks)
        self.last = Linear(4, 4, bias=False)

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            value = block(value)
        found: torch.Tensor = self.last(self.first(value))
        return found


def names(model: Any, room: int = 10**9) -> list[str]:
    return [part.name for part in layering("net", model, room).parts]


def block(width: int = 4) -> torch.nn.Module:
    return Linear(4, width, bias=False)


def test_elements_of_lists_are_parts_and_the_rest_is_the_models_own() -> None:
    inner = torch.nn.Sequential(block(), torch.nn.ReLU(), block())
    net = Network(block(), inner, torch.nn.ModuleList([block()]))
    net.beside = torch.nn.ModuleDict({"style": block()})  # PEFT reads these without calling them
    found = layering("net", net, 10**9)
    assert [part.name for part in found.parts] == ["net", "net.blocks.0", "net.blocks.1", "net.blocks.2.0"]
    assert [part.size for part in found.parts] == [3 * 64, 64, 2 * 64, 64]
    held = [id(each.tensor) for part in found.parts for each in held_tensors(part)]
    assert sorted(held) == sorted(map(id, net.parameters()))
    # In its smallest parts the Sequential comes in two.
    assert least_bytes("net", net) == 3 * 64 + 64


def test_what_shares_weights_or_modules_or_has_the_first_parameter_stays() -> None:
    shared, twice = Network(block(), block(), block()), block()
    shared.blocks[1].weight = shared.last.weight
    assert names(shared) == ["net", "net.blocks.0", "net.blocks.2"]
    assert names(Network(twice, block(), twice)) == ["net", "net.blocks.1"]
    # Networks ask their first parameter on what device they are.
    assert names(Network(block(), block(), first=False)) == ["net", "net.blocks.1"]


def test_models_that_do_not_come_apart_say_why() -> None:
    assert "no list of layers" in not_in_parts(torch.nn.Sequential(block()))
    assert "no list of layers" in not_in_parts(Network())
    # torch asks for hooks there, and computes by other kernels where it finds some.
    layer = torch.nn.TransformerEncoderLayer(4, 2, batch_first=True)
    assert "no list of layers" in not_in_parts(Network(layer))
    compiled = Network(block())
    assert not not_in_parts(compiled)
    compiled.blocks[0]._compiled_call_impl = torch.nn.Linear.forward  # where `compile()` puts its own
    assert "compiled" in not_in_parts(compiled)
    assert "script" in not_in_parts(torch.jit.ScriptModule())


def test_more_stays_where_there_is_more_room_and_the_next_one_comes_where_there_is_some() -> None:
    net = Network(*(block() for _ in range(4)))
    least = least_bytes("net", net)
    assert least == 2 * 64 + 64
    tight = layering("net", net, least)
    assert (tight.size, tight.ahead, sum(part.stays for part in tight.parts)) == (least, False, 1)
    assert str(tight) == "in 5 parts, of which 1 stay while it computes; there is no room to bring one ahead"
    two = layering("net", net, least + 64)
    assert (two.size, two.ahead, two.streamed) == (least + 64, True, 128)
    wide = layering("net", net, least + 2 * 64)
    # Every other one, so that it hides the copy of the next.
    assert [part.stays for part in wide.parts] == [True, True, False, False, False]
    assert "of which 2 stay while it computes; the next one comes meanwhile" in str(wide)
    with pytest.raises(AssertionError, match="less room"):
        layering("net", net, least - 1)


def test_a_device_that_copies_nothing_ahead_keeps_no_room_for_the_next_part_and_says_so() -> None:
    net = Network(*(block() for _ in range(4)))
    room = least_bytes("net", net) + 2 * 64
    late = layering("net", net, room, copies_ahead=False)
    assert str(late) == "in 5 parts, of which 3 stay while it computes; the device copies nothing ahead"
    assert (late.ahead, late.streamed, late.size) == (False, 64, room)
    assert [CloneMemory(streams).copies_ahead for streams in (None, RecordedStreams())] == [False, True]
    assert DeviceMemory().copies_ahead


def test_a_unet_fits_in_all_that_there_is_from_the_smallest_on() -> None:
    unet = make_unet()
    whole, least = component_bytes(unet), least_bytes("unet", unet)
    assert least < whole / 4
    for room in range(least, whole, (whole - least) // 12):
        found = layering("unet", unet, room)
        assert found.size <= room
        assert sum(part.size for part in found.parts) == whole
        assert found.parts[0].stays
        for part in found.parts[1:]:
            assert part.around in found.parts
