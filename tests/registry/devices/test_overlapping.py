"""Buffers in memory of other tensors are refused by name before anything is moved, and what only looks so is not."""

from __future__ import annotations

import pytest
import torch
from device_doubles import CloneMemory

from brickwork import Block, ComponentError, ComponentsManager, Outputs, SequentialPipelineBlocks, component
from brickwork.registry.devices.host_memory import HostMemory
from brickwork.registry.devices.overlapping import refuse_overlapping
from brickwork.registry.devices.torch_memory import TorchMemory


class Counting(torch.nn.Module):
    """Counts its calls in a buffer, and reads the count from another that lies in the same memory."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(4), requires_grad=False)
        table = torch.zeros(2, 4)
        self.register_buffer("written", table[0])
        self.inner = torch.nn.Module()
        self.inner.register_buffer("read", table)

    def forward(self) -> torch.Tensor:
        self.written += 1
        return self.inner.read[0] + self.weight


class Count(Block):
    model: torch.nn.Module = component()

    class Out(Outputs):
        y: torch.Tensor

    def run(self) -> Out:
        return self.Out(y=self.model())


def test_buffers_that_lie_in_each_other_are_refused_by_name_before_anything_moves() -> None:
    manager = ComponentsManager()
    pipe = SequentialPipelineBlocks.from_blocks_dict({"count": Count}).init_pipeline(components_manager=manager)
    pipe.update_components(model=Counting())
    pipe.configure(progress=False)
    assert torch.equal(pipe(output="y"), torch.full((4,), 2.0))
    memory = CloneMemory()
    with pytest.raises(ComponentError, match="'model_new.written' and 'model_new.inner.read' lie in the same memory"):
        manager.enable_auto_cpu_offload("cpu", memory=memory)
    # And what is changed so afterwards, before the run.
    known, pipe.model.written = pipe.model.written, torch.zeros(4)
    manager.enable_auto_cpu_offload("cpu", memory=memory)
    pipe.model.written = known
    with pytest.raises(ComponentError) as caught:
        pipe()
    assert str(caught.value) == (
        "'model.written' and 'model.inner.read' lie in the same memory, and are two tensors. Moved, they would be apart: what a layer writes "
        "into one, the other would not have. Register one tensor under both names, or give each its own memory (clone())."
    )
    assert (memory.log, memory.allocated) == ([], [])
    # On the host nothing moves, unless weights may lie in files.
    manager.enable_auto_cpu_offload("cpu")
    assert torch.equal(pipe(output="y"), torch.full((4,), 3.0))
    host = TorchMemory("cpu")
    host.host = HostMemory(10, None)
    with pytest.raises(ComponentError, match="'model.written' and 'model.inner.read' lie in the same memory"):
        host.refuse({"model": pipe.model})
    manager.disable_auto_cpu_offload()
    pipe.model.register_buffer("written", pipe.model.inner.read)
    manager.enable_auto_cpu_offload("cpu", memory=memory)
    assert torch.equal(pipe(output="y"), torch.full((4,), 4.0))


def holding(**tensors: torch.Tensor) -> torch.nn.Module:
    module = torch.nn.Module()
    for name, tensor in tensors.items():
        if isinstance(tensor, torch.nn.Parameter):
            module.register_parameter(name, tensor)
        else:
            module.register_buffer(name, tensor)
    return module


def test_components_and_parameters_are_compared_as_well() -> None:
    table = torch.zeros(6)
    weight = torch.nn.Parameter(table[:4])
    with pytest.raises(ComponentError) as caught:
        refuse_overlapping({"a": holding(weight=weight), "b": holding(one=table[3:], two=table[5:]), "words": ["none"]})
    assert [said.partition(" lie ")[0] for said in caught.value.faults] == [
        "'a.weight' and 'b.one'",
        "'b.one' and 'b.two'",
    ]


@pytest.mark.parametrize(
    "tensors",
    [
        lambda table: {"one": table[:2], "two": table[2:]},
        lambda table: {"one": table[:, ::2], "two": table[:, 1::2]},
        lambda table: {"one": table, "two": table},
        lambda table: {"one": table[:, :0], "two": table},
        lambda table: {"one": torch.nn.Parameter(table), "two": torch.nn.Parameter(table)},
        lambda table: {"one": table[0].expand(3, 4), "two": table[1]},
        lambda table: {"one": None, "two": table},
    ],
)
def test_what_is_apart_or_one_or_written_by_no_layer_is_not(tensors: object) -> None:
    assert callable(tensors)
    refuse_overlapping({"model": holding(**tensors(torch.zeros(4, 4)))})


@pytest.mark.parametrize("second", [lambda table: table[:, 1:3], lambda table: table.view(torch.int16)[0, 5:6]])
def test_numbers_with_gaps_between_them_are_compared_one_by_one(second: object) -> None:
    table = torch.zeros(4, 4)
    assert callable(second)
    with pytest.raises(ComponentError, match="'model.one' and 'model.two' lie in the same memory"):
        refuse_overlapping({"model": holding(one=table[:, ::2], two=second(table))})
