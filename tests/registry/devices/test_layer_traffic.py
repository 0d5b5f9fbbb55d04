"""Parts of a model come before their call and leave after it, whatever happens; what they write comes back, or is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from device_doubles import AwayMemory, CloneMemory, RecordedStreams

from brickwork import ComponentError
from brickwork.registry.devices.device_memory import DeviceMemory
from brickwork.registry.devices.layer_traffic import LayerTraffic
from brickwork.registry.devices.layers import Part, layering, least_bytes

VALUE = torch.arange(8.0).view(2, 4)


class Block(torch.nn.Module):
    """Computes by a layer; `during` does something more while it is on the device."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.layer = torch.nn.Linear(4, 4)
        self.during: Callable[[Block], Any] = lambda _: None

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        self.during(self)
        found: torch.Tensor = self.layer(value)
        return found


class Network(torch.nn.Module):
    def __init__(self, count: int = 4) -> None:
        super().__init__()
        self.first = torch.nn.Linear(4, 4)
        self.blocks = torch.nn.ModuleList(map(Block, range(count)))
        self.order = list(range(count))

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        value = self.first(value)
        for index in self.order:
            value = self.blocks[index](value)
        return value


@pytest.fixture
def net() -> Network:
    torch.manual_seed(9)
    return Network()


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def traffic_of(net: Network, memory: DeviceMemory, more: int = 0) -> LayerTraffic:
    return LayerTraffic("net", layering("net", net, least_bytes("net", net) + more), memory)


def hooks_of(net: torch.nn.Module) -> int:
    return sum(len(each._forward_hooks) + len(each._forward_pre_hooks) for each in net.modules())


@pytest.mark.parametrize("streams", [None, RecordedStreams()])
@pytest.mark.parametrize("more", [0, 80, 200])
def test_calls_give_the_same_bits_within_the_room(net: Network, more: int, streams: Any) -> None:
    expected, memory = net(VALUE), AwayMemory(streams)
    traffic = traffic_of(net, memory, more)
    traffic.open()
    for order in ([0, 1, 2, 3], [0, 1, 2, 3], [3, 2, 1, 0], [0, 0, 3, 3]):
        net.order = order
        found = net(VALUE)
        if order == [0, 1, 2, 3]:
            assert torch.equal(found, expected)
        assert found.isfinite().all()
    assert memory.peak <= least_bytes("net", net) + more
    assert traffic.peak == memory.peak
    assert not memory.log
    traffic.close()
    traffic.refuse_written()
    assert (traffic.held, memory.resident, hooks_of(net)) == (0, 0, 0)
    net.order = [0, 1, 2, 3]
    assert torch.equal(net(VALUE), expected)


def test_hooks_of_a_layers_own_find_its_weights_there(net: Network) -> None:
    for block in net.blocks:
        # As of `weight_norm`, which computes in a hook what the layer then multiplies with.
        block.register_forward_pre_hook(lambda own, given: (given[0] * own.layer.bias.sum(),))
    expected, memory = net(VALUE), AwayMemory()
    traffic = traffic_of(net, memory)
    traffic.open()
    assert torch.equal(net(VALUE), expected)
    traffic.close()
    assert hooks_of(net) == len(net.blocks)


def test_the_next_one_comes_while_one_computes_and_after_what_its_memory_was_read_by(net: Network) -> None:
    streams = RecordedStreams()
    traffic = traffic_of(net, CloneMemory(streams), 80)
    for index, block in enumerate(net.blocks):
        block.during = lambda _, index=index: streams.kernel(f"block {index}")
    traffic.open()
    net(VALUE)
    streams.log.clear()
    net(VALUE)
    kernels = {entry[2]: index for index, entry in enumerate(streams.log) if entry[0] == "kernel"}
    copies = [index for index, entry in enumerate(streams.log) if entry == ("copy", "side")]
    assert len(copies) == 4
    for number, copied in zip(("block 0", "block 1", "block 2", "block 3"), copies, strict=True):
        # Given before the kernels that hide it, and after those that read what lay there before.
        assert copied < kernels[number]
        if number in ("block 2", "block 3"):
            before = kernels[f"block {int(number[-1]) - 1}"]
            assert streams.happens_before(before, copied)
            assert not streams.happens_before(kernels[number], copied)
    assert all(streams.happens_before(copy, kernels[f"block {index + 1}"]) for index, copy in enumerate(copies[:3]))
    traffic.close()


def test_an_order_that_is_not_as_defined_is_learnt(net: Network) -> None:
    memory = CloneMemory(RecordedStreams())
    net.order = [2, 0, 3, 1]
    traffic = traffic_of(net, memory, 80)
    traffic.open()
    net(VALUE)
    moved = memory.moved
    net(VALUE)
    assert memory.moved - moved == 4 * 80
    traffic.close()


def test_a_module_that_is_called_outside_of_its_blocks_call_is_there(net: Network) -> None:
    expected = net.blocks[2].layer(VALUE)
    traffic = traffic_of(net, AwayMemory())
    traffic.open()
    assert torch.equal(net.blocks[2].layer(VALUE), expected)
    # Also within another's call, for which there is no room.
    net.blocks[0].during = lambda _: net.blocks[2].layer(VALUE)
    assert net(VALUE).isfinite().all()
    traffic.close()
    assert traffic.held == 0


def test_what_layers_write_comes_back(net: Network) -> None:
    for block, write in (
        (net.blocks[0], lambda block: block.layer.weight.add_(1.0)),
        (net.blocks[1], lambda block: setattr(block.layer.weight, "data", block.layer.weight.data + 1.0)),
        (net.first, None),
    ):
        if write is not None:
            block.during = write
    expected = [net.blocks[index].layer.weight + 3 for index in (0, 1)]
    traffic = traffic_of(net, CloneMemory())
    traffic.open()
    for _ in range(3):
        net(VALUE)
    # The model's own part, and what stays, also past torch's counters.
    own = net.first.weight.clone()
    net.first.weight.data.copy_(own * 2)
    traffic.close()
    traffic.refuse_written()
    assert torch.equal(net.first.weight, own * 2)
    for index, weight in enumerate(expected):
        assert torch.allclose(net.blocks[index].layer.weight, weight)


def test_a_layer_that_writes_past_torchs_counters_is_refused(net: Network) -> None:
    net.blocks[1].during = lambda block: block.layer.weight.data.add_(1.0)
    traffic = traffic_of(net, CloneMemory())
    traffic.open()
    net(VALUE)
    traffic.close()
    with pytest.raises(ComponentError, match=r"^net\.blocks\.1 changed while computing, past torch's counters"):
        traffic.refuse_written()
    net.blocks[1].during = lambda _: None
    traffic.open()
    net(VALUE)
    traffic.close()
    traffic.refuse_written()


def test_results_with_gradients_are_refused(net: Network) -> None:
    class Pair(torch.nn.Module):
        def __init__(self, make: Callable[[torch.Tensor], Any]) -> None:
            super().__init__()
            self.make = make
            self.weight = torch.nn.Parameter(torch.ones(4))

        def forward(self, value: torch.Tensor) -> Any:
            return self.make(value * self.weight)

    for make in (lambda each: each, lambda each: (1, [each]), lambda each: {"sample": each}):
        pair = torch.nn.Sequential(torch.nn.Linear(4, 4), Pair(make))
        traffic = LayerTraffic("net", layering("net", pair, least_bytes("net", pair)), CloneMemory())
        traffic.open()
        pair(VALUE)
        with torch.enable_grad(), pytest.raises(ComponentError, match=r"net\.1 computes with gradients"):
            pair(VALUE)
        traffic.close()
        assert hooks_of(pair) == 0


def test_a_call_that_fails_leaves_nothing_on_the_device_but_the_models_own(net: Network) -> None:
    def fail(_: Block) -> None:
        raise RuntimeError("memory ran out")

    expected, memory = net(VALUE), AwayMemory()
    traffic = traffic_of(net, memory)
    traffic.open()
    net.blocks[2].during = fail
    with pytest.raises(RuntimeError, match="ran out"):
        net(VALUE)
    assert memory.resident == traffic.held == 80
    net.blocks[2].during = lambda _: None
    assert torch.equal(net(VALUE), expected)
    traffic.close()


def test_with_no_room_left_only_what_is_called_is_there(net: Network) -> None:
    expected, memory = net(VALUE), AwayMemory(RecordedStreams())
    traffic = traffic_of(net, memory, 200)
    traffic.open()
    net(VALUE)
    assert traffic.held > 80
    assert traffic.has_room_to_make
    traffic.make_room()
    assert traffic.held == 80
    assert not traffic.has_room_to_make
    memory.peak = 0
    assert torch.equal(net(VALUE), expected)
    assert memory.peak == 160
    traffic.close()
    assert torch.equal(net(VALUE), expected)


def test_nobody_else_may_place_the_model_meanwhile(net: Network) -> None:
    traffic = traffic_of(net, CloneMemory())
    traffic.open()
    with pytest.raises(ComponentError, match="by another ComponentsManager"):
        CloneMemory().bring("net", net)
    traffic.close()
    other = CloneMemory()
    other.bring("net", net)
    other.drop("net", net)


def test_a_memory_of_ones_own_brings_parts_as_it_brings_components(net: Network) -> None:
    class Moving(DeviceMemory):
        def bring(self, name: str, component: Any) -> None:
            super().bring(name, component)
            component.to("cpu")
            seen.append((name, sum(each.numel() for each in component.parameters())))

    seen: list[tuple[str, int]] = []
    traffic = traffic_of(net, Moving())
    traffic.open()
    net(VALUE)
    traffic.close()
    assert seen == [("net", 20), *((f"net.blocks.{index}", 20) for index in range(4))]
    assert isinstance(Part("a", net).to("cpu"), Part)
