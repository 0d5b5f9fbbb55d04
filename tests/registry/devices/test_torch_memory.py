"""Components go to a device and come back as they are: changed where they were changed there, and nowhere else."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from device_doubles import CloneMemory, RecordedStream, RecordedStreams
from torch.testing._internal.two_tensor import TwoTensor

from brickwork import ComponentError
from brickwork.registry.devices import slabs
from brickwork.registry.devices.moved_tensors import held_tensors, unmovable
from brickwork.registry.devices.slabs import digest, slabs_of
from brickwork.registry.devices.torch_memory import TorchMemory


class Model(torch.nn.Module):
    """Tensors of several kinds: two parameters of other formats, a tied one, buffers, one of them without numbers."""

    def __init__(self, shared: torch.nn.Parameter | None = None) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.arange(12.0).view(3, 4))
        self.few = torch.nn.Parameter(torch.arange(5, dtype=torch.float16), requires_grad=False)
        self.last = torch.nn.Parameter(torch.arange(32.0).view(1, 2, 4, 4).to(memory_format=torch.channels_last))
        self.inner = torch.nn.Module()
        self.inner.tied = self.weight
        self.register_buffer("kept", torch.tensor(3))
        self.register_buffer("empty", torch.zeros(0, 4))
        self.register_buffer("flags", torch.tensor([True, False]), persistent=False)
        if shared is not None:
            self.shared = shared


def values(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {held.places[0][1]: held.tensor.detach().clone() for held in held_tensors(model)}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(one[key], other[key]) and one[key].stride() == other[key].stride() for key in one
    )


def storages(model: torch.nn.Module) -> set[int]:
    return {held.tensor.untyped_storage().data_ptr() for held in held_tensors(model) if held.tensor.numel()}


def test_a_component_lies_elsewhere_while_it_is_there_and_is_the_same_object() -> None:
    memory, model = CloneMemory(), Model()
    before, objects = values(model), [id(held.tensor) for held in held_tensors(model)]
    strides = [held.tensor.stride() for held in held_tensors(model)]
    memory.bring("model", model)
    there = storages(model)
    assert same(values(model), before)
    assert [held.tensor.stride() for held in held_tensors(model)] == strides
    memory.drop("model", model)
    assert same(values(model), before)
    assert not storages(model) & there
    assert [id(held.tensor) for held in held_tensors(model)] == objects
    assert model.inner.tied is model.weight
    assert (memory.log, memory.resident) == ([("bring", "model"), ("drop", "model")], 0)


def test_a_component_is_one_piece_on_each_side_and_the_hosts_is_kept() -> None:
    memory, model = CloneMemory(), Model()
    for _ in range(3):
        memory.bring("model", model)
        assert len(storages(model)) == 1
        memory.drop("model", model)
    assert (len(memory.allocated), len(memory.on_host)) == (3, 1)
    # Another set of tensors is another piece.
    model.more = torch.nn.Parameter(torch.ones(3))
    memory.bring("model", model)
    assert len(memory.on_host) == 2


CHANGES: dict[str, Callable[[Model], Any]] = {
    "in place": lambda model: model.weight.add_(1),
    "past the counter": lambda model: setattr(model.weight, "data", model.weight.data + 1),
    "through data, in place": lambda model: model.weight.data.add_(1),
    "through data, one number": lambda model: model.last.data[0, 0, 0, 0].add_(1),
    "copied into data": lambda model: model.few.data.copy_(model.few.data.flip(0)),
    "two rows exchanged": lambda model: model.weight.data.copy_(model.weight.data[[1, 0, 2]]),
    "signs": lambda model: model.weight.data.neg_(),
    "a buffer": lambda model: model.kept.add_(1),
    "a buffer replaced": lambda model: setattr(model, "kept", torch.tensor(9)),
    "another format": lambda model: setattr(model.weight, "data", model.weight.data.double() + 1),
    "another shape": lambda model: setattr(model.weight, "data", torch.ones(2, 2)),
    "a parameter replaced": lambda model: setattr(model, "few", torch.nn.Parameter(torch.ones(7))),
    "a parameter more": lambda model: model.register_parameter("new", torch.nn.Parameter(torch.ones(7))),
    "a parameter less": lambda model: delattr(model, "few"),
    "loaded": lambda model: model.load_state_dict({**model.state_dict(), "few": torch.ones(5)}),
    "cast": lambda model: model.to(torch.float64),
    "another order in memory": lambda model: setattr(model.last, "data", model.last.data.contiguous()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_changed_on_the_device_is_changed_when_it_is_back(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Of a device's tensor it is other memory, also of one that came in there; of a clone's it would be the same.
    monkeypatch.setattr(torch.Tensor, "cpu", torch.Tensor.clone)
    memory, model = CloneMemory(), Model()
    memory.bring("model", model)
    there = storages(model)
    with torch.no_grad():
        CHANGES[change](model)
    changed, there = values(model), there | storages(model)
    memory.drop("model", model)
    assert same(values(model), changed)
    assert not storages(model) & there
    # And again, from what is on the host now.
    memory.bring("model", model)
    memory.drop("model", model)
    assert same(values(model), changed)


def test_what_is_not_changed_is_not_copied_back() -> None:
    memory, model = CloneMemory(), Model()
    memory.bring("model", model)
    host = memory._tensors[id(model.weight)].host
    assert host is not None
    host.add_(1)  # what nobody does: it shows where the numbers come from
    memory.drop("model", model)
    assert model.weight[0, 0] == 1


@pytest.mark.parametrize("value", [1.0, -1.0])
def test_a_digest_sees_signs_exchanges_and_one_bit(value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slabs, "_PART", 8192)
    numbers = torch.full((5000,), value, dtype=torch.float64)
    numbers[7], numbers[4000] = 3.0, 4.0

    def seen(change: Callable[[torch.Tensor], Any]) -> bool:
        other = numbers.clone()
        change(other)
        return not torch.equal(digest(other), digest(numbers))

    assert not seen(lambda other: None)
    assert seen(lambda other: other.neg_())
    assert seen(lambda other: other[:2].neg_())
    assert seen(lambda other: other.copy_(other.flip(0)))
    assert seen(lambda other: other[[7, 4000]].neg_()) is False  # a copy: nothing was written
    assert seen(lambda other: other.__setitem__(slice(7, 9), other[7:9].flip(0)))
    assert seen(lambda other: other.view(torch.uint8)[39_999].bitwise_xor_(1))
    assert seen(lambda other: other.__setitem__([7, 4000], other[[4000, 7]]))


def test_weights_that_two_components_share_are_there_once_and_as_long_as_one_needs_them() -> None:
    memory, shared = CloneMemory(), torch.nn.Parameter(torch.ones(1000))
    one, two = Model(shared), Model(shared)
    alone = Model()
    size = sum(tensor.numel() * tensor.element_size() for tensor in values(alone).values())
    memory.bring("one", one)
    memory.bring("two", two)
    assert (memory.size_of(id(one)), memory.size_of(id(two))) == (size + 4000, size + 4000)
    assert memory.resident == 2 * size + 4000
    there = shared.data_ptr()
    shared.data.add_(1)
    memory.drop("one", one)
    assert memory.resident == size + 4000
    assert (two.shared[0], shared.data_ptr() != there) == (2, True)
    shared.data.add_(1)
    at_last = storages(two)
    memory.drop("two", two)
    assert (two.shared[0], one.shared[0], memory.resident) == (3, 3, 0)
    assert not storages(two) & at_last
    # The rest of the first one's piece was free when it was dropped.
    memory.bring("one", one)
    memory.bring("two", two)
    piece = weakref.ref(memory._tensors[id(one.weight)].piece)
    memory.drop("one", one)
    gc.collect()
    assert piece() is None


def test_a_wrapper_of_tensors_goes_whole_and_comes_back_the_same_object_unless_it_was_written() -> None:
    memory, model = CloneMemory(), torch.nn.Module()
    wrapped = torch.nn.Parameter(TwoTensor(torch.ones(4), torch.zeros(4)), requires_grad=False)
    model.weight, model.plain, model.tied = wrapped, torch.nn.Parameter(torch.ones(2)), wrapped
    inner = {wrapped.a.data_ptr(), wrapped.b.data_ptr()}
    memory.bring("model", model)
    assert isinstance(model.weight, TwoTensor)
    assert model.tied is model.weight
    assert not {model.weight.a.data_ptr(), model.weight.b.data_ptr()} & inner
    assert memory.size_of(id(model)) == 40
    memory.drop("model", model)
    assert model.weight is wrapped
    memory.bring("model", model)
    model.weight.b.data.add_(5)
    memory.drop("model", model)
    assert torch.equal(model.weight.b, torch.full((4,), 5.0))
    assert model.tied is model.weight
    assert isinstance(model.weight, torch.nn.Parameter)


def quantized(state: object) -> torch.nn.Module:
    model = torch.nn.Module()
    model.weight = torch.nn.Parameter(torch.ones(4, dtype=torch.uint8), requires_grad=False)
    model.weight.quant_state = state  # type: ignore[attr-defined]  # as bitsandbytes notes it
    return model


class State:
    def __init__(self, absmax: object) -> None:
        self.absmax = absmax


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (quantized(State(torch.ones(2))), "'weight' is a Parameter, whose 'quant_state' would stay behind."),
        (quantized(torch.ones(2)), "'weight' is a Parameter, whose 'quant_state' would stay behind."),
        (torch.nn.Linear(2, 2, device="meta"), "'weight' has no numbers (it lies on 'meta'). Load its weights first"),
    ],
)  # fmt: skip
def test_what_would_stay_behind_is_refused_before_anything_moves(model: torch.nn.Module, why: str) -> None:
    memory = CloneMemory()
    with pytest.raises(ComponentError) as caught:
        memory.bring("model", model)
    assert str(caught.value).startswith(f"'model' cannot be placed on cpu: {why}")
    assert (memory.log, memory.allocated) == ([], [])
    sparse = torch.nn.Module()
    sparse.register_buffer("rows", torch.eye(3).to_sparse())
    assert unmovable(sparse) == "'rows' is sparse, which moves only as a whole: leave it on one device"


@pytest.mark.parametrize("state", [State(2), State("words"), 3, None])
def test_notes_without_tensors_move_along(state: object) -> None:
    assert unmovable(quantized(state)) == ""


def test_a_component_is_in_one_memory_at_a_time() -> None:
    one, two, model = CloneMemory(), CloneMemory(), Model()
    one.bring("model", model)
    with pytest.raises(ComponentError, match="^'model' is placed on cpu by another ComponentsManager, and would lose"):
        two.bring("model", model)
    one.drop("model", model)
    two.bring("model", model)
    two.drop("model", model)


def test_what_is_brought_in_inference_mode_can_be_trained_and_stays_so() -> None:
    memory, model = CloneMemory(), Model()
    with torch.inference_mode():
        memory.bring("model", model)
    assert not model.weight.is_inference()
    assert not model.weight.data.is_inference()
    (model.weight * 2).sum().backward()
    with torch.inference_mode():
        memory.drop("model", model)
    assert not model.weight.is_inference()


def test_unified_memory_holds_a_component_once() -> None:
    memory, model = CloneMemory(), Model()
    memory.is_unified = True
    before = values(model)
    host = weakref.ref(model.weight.data.untyped_storage())
    memory.bring("model", model)
    gc.collect()
    assert host() is None
    assert all(moved.host is None for moved in memory._tensors.values())
    memory.drop("model", model)
    assert same(values(model), before)


def test_pieces_are_full_large_first_and_never_above_their_size_but_for_one_tensor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slabs, "PIECE", 2048)
    sizes = [100, 5000, 700, 1300, 256, 1, 0, 2048]
    found = slabs_of([torch.zeros(size, dtype=torch.uint8) for size in sizes])
    assert [slab.indices for slab in found] == [[1], [7], [3, 4, 0], [2, 5, 6]]
    assert all(slab.size <= 2048 for slab in found if slab.indices != [1])
    assert all(slab.padded % 4096 == 0 for slab in found)


def test_a_device_without_streams_brings_nothing_ahead_and_the_host_is_not_moved() -> None:
    memory, model = CloneMemory(), Model()
    memory.prefetch("model", model)
    assert memory.log == []
    host, before = TorchMemory("cpu"), storages(model)
    host.bring("model", model)
    assert storages(model) == before
    assert host.workspace() == 0
    host.begin()
    assert host.free_bytes() is None


def test_a_component_for_which_there_is_no_room_stays_on_the_host_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slabs, "PIECE", 256)
    memory, model = CloneMemory(), Model()
    before, there = values(model), []
    allocate = memory._allocate

    def full(size: int) -> Any:
        if len(there) == 2:
            raise torch.OutOfMemoryError("full")
        there.append(allocate(size))
        return there[-1]

    monkeypatch.setattr(memory, "_allocate", full)
    with pytest.raises(torch.OutOfMemoryError, match="full"):
        memory.bring("model", model)
    assert not storages(model) & {piece.untyped_storage().data_ptr() for piece in there}
    assert same(values(model), before)
    assert (memory.log, memory.resident, memory.size_of(id(model))) == ([], 0, None)
    monkeypatch.setattr(memory, "_allocate", allocate)
    other = CloneMemory()
    other.bring("model", model)
    other.drop("model", model)


class TestOrder:
    """What must be done before something else begins, whatever streams there are."""

    def memory(self) -> tuple[CloneMemory, RecordedStreams]:
        streams = RecordedStreams()
        return CloneMemory(streams), streams

    def at(self, streams: RecordedStreams, *entry: Any, last: bool = True) -> int:
        found = [index for index, each in enumerate(streams.log) if each[: len(entry)] == entry]
        return found[-1 if last else 0]

    def test_a_copy_ahead_waits_for_kernels_that_read_what_was_there_before(self) -> None:
        memory, streams = self.memory()
        one, two = Model(), Model()
        memory.prefetch("one", one)
        memory.bring("one", one)
        streams.kernel("reads one")
        memory.drop("one", one)
        memory.prefetch("two", two)
        assert streams.happens_before(self.at(streams, "kernel"), self.at(streams, "copy", "side"))

    def test_kernels_wait_for_the_copy_of_what_they_read(self) -> None:
        memory, streams = self.memory()
        model = Model()
        memory.prefetch("model", model)
        memory.bring("model", model)
        streams.kernel("reads it")
        assert streams.happens_before(self.at(streams, "copy", "side"), self.at(streams, "kernel"))

    def test_memory_is_always_allocated_on_the_stream_that_computes(self) -> None:
        memory, streams = self.memory()
        memory.prefetch("one", Model())
        memory.bring("two", Model())
        assert {stream for what, stream, *_ in streams.log if what == "allocate"} == {"compute"}

    def test_what_was_begun_and_never_used_is_not_freed_under_its_copy(self) -> None:
        memory, streams = self.memory()
        model = Model()
        memory.prefetch("model", model)
        memory.drop("model", model)
        streams.kernel("in its memory")
        assert streams.happens_before(self.at(streams, "copy", "side"), self.at(streams, "kernel"))

    def test_another_stream_waits_for_the_copy_and_the_first_for_its_kernels(self) -> None:
        memory, streams = self.memory()
        model = Model()
        memory.bring("model", model)
        first, other = streams.current, RecordedStream("other")
        streams.current = other
        memory.bring("model", model)
        streams.kernel("reads it")
        assert streams.happens_before(self.at(streams, "copy", "compute"), self.at(streams, "kernel", "other"))
        streams.current = first
        memory.drop("model", model)
        streams.kernel("in its memory")
        assert streams.happens_before(self.at(streams, "kernel", "other"), self.at(streams, "kernel", "compute"))

    def test_shared_weights_that_another_component_began_to_copy_are_waited_for(self) -> None:
        memory, streams = self.memory()
        shared = torch.nn.Parameter(torch.ones(3))
        holder, user = torch.nn.Module(), torch.nn.Module()
        holder.weight = user.weight = shared
        memory.prefetch("holder", holder)
        memory.bring("user", user)
        streams.kernel("reads it")
        assert streams.happens_before(self.at(streams, "copy", "side"), self.at(streams, "kernel"))
