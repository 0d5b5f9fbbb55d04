"""Moves that are cut short, what is done to models behind the books' back, and what the books must not keep."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
import torch
from device_doubles import CloneMemory, RecordedStreams

from brickwork import Block, ComponentError, ComponentsManager, Outputs, SequentialPipelineBlocks, component
from brickwork.engine.execution.eviction import chosen_to_go
from brickwork.registry.devices import placed
from brickwork.registry.devices.device_memory import DeviceMemory
from brickwork.registry.devices.moved_tensors import unmovable
from brickwork.registry.devices.placed import Moved
from brickwork.registry.devices.placement import Placement


def layers() -> torch.nn.Sequential:
    return torch.nn.Sequential(*[torch.nn.Linear(3, 3) for _ in range(4)])


def lies_on_device(memory: CloneMemory, model: torch.nn.Module) -> bool:
    """Whether every tensor of a model lies in memory of the device."""
    pieces = {number.untyped_storage().data_ptr() for each in memory._tensors.values() for number in each.piece.numbers}
    return all(each.untyped_storage().data_ptr() in pieces for each in model.state_dict().values())


@pytest.mark.parametrize("count", [1, 3, 8])
@pytest.mark.parametrize("again", ["drop", "bring"])
def test_a_model_that_leaves_and_is_stopped_half_way_loses_nothing(
    count: int, again: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, model = CloneMemory(), layers()
    placement = Placement(memory)
    placement.bring("model", model)
    expected = [each + 1 for each in model.parameters()]
    for each in model.parameters():
        each.data.add_(1)
    restore, calls = Moved.restore, []

    def stopped(self: Moved, is_written: bool) -> None:
        calls.append(1)
        if len(calls) == count:
            raise KeyboardInterrupt
        restore(self, is_written)

    monkeypatch.setattr(Moved, "restore", stopped)
    with pytest.raises(KeyboardInterrupt):
        placement.keep_only(())
    monkeypatch.setattr(Moved, "restore", restore)
    # It is still in the books, so it is neither forgotten on the device nor taken for whole.
    assert [*placement.resident.values()] == ["model"]
    if again == "bring":
        placement.bring("model", model)
        assert lies_on_device(memory, model)
    placement.keep_only(())
    assert all(map(torch.equal, model.parameters(), expected))
    assert (memory.resident, memory._tensors, placement.resident) == (0, {}, {})


def test_where_there_is_no_room_to_compare_numbers_they_count_as_written(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, model = CloneMemory(), layers()
    memory.bring("model", model)
    model[0].weight.data.add_(1)
    expected = [each.clone() for each in model.parameters()]

    def full(number: torch.Tensor) -> Any:
        raise torch.OutOfMemoryError("full")

    monkeypatch.setattr(placed, "digest", full)
    memory.drop("model", model)
    assert all(map(torch.equal, model.parameters(), expected))
    assert memory.resident == 0


def test_weights_that_are_assigned_on_the_host_while_the_model_is_there_are_brought() -> None:
    memory, model = CloneMemory(), layers()
    memory.bring("model", model)
    state = {name: torch.full_like(each, 7.0) for name, each in model.state_dict().items()}
    model.load_state_dict(state, assign=True)
    memory.strays = [*model.parameters()]
    memory.bring("model", model)
    assert lies_on_device(memory, model)
    assert all(bool((each == 7).all()) for each in model.parameters())
    memory.drop("model", model)
    assert not lies_on_device(memory, model)
    assert all(bool((each == 7).all()) for each in model.parameters())


def test_a_model_that_somebody_moved_to_the_host_is_brought_again() -> None:
    memory, model = CloneMemory(), layers()
    memory.bring("model", model)
    model[2].bias.data = torch.full((3,), 9.0)
    memory.strays = [model[2].bias]
    memory.bring("model", model)
    assert lies_on_device(memory, model)
    memory.drop("model", model)
    assert model[2].bias.tolist() == [9.0] * 3


def test_what_is_there_is_not_brought_again() -> None:
    memory, model = CloneMemory(), layers()
    memory.bring("model", model)
    model[0].extra = torch.nn.Parameter(torch.ones(3))  # made on the device, as an adapter is
    memory.bring("model", model)
    assert (len(memory.allocated), memory.log) == (1, [("bring", "model")])


def test_a_manager_that_is_let_go_of_keeps_no_model() -> None:
    manager, model = ComponentsManager(), layers()
    manager.add("model", model)
    manager.enable_auto_cpu_offload("cpu", memory=CloneMemory())
    assert manager.placement is not None
    manager.placement.bring("model", model)
    gone = weakref.ref(model)
    del manager, model
    gc.collect()
    assert gone() is None


def test_a_second_manager_is_refused_before_it_moves_what_the_first_has_on_the_device() -> None:
    moved: list[str] = []

    class Watched(torch.nn.Linear):
        def to(self, *args: Any, **kwargs: Any) -> Any:
            moved.append("moved")
            return super().to(*args, **kwargs)

    one, two, model = ComponentsManager(), ComponentsManager(), Watched(2, 2)
    for manager in (one, two):
        manager.add("model", model)
    one.enable_auto_cpu_offload("cpu", memory=CloneMemory())
    assert one.placement is not None
    one.placement.bring("model", model)
    moved.clear()
    with pytest.raises(ComponentError, match="'model_new' is placed on cpu by another ComponentsManager"):
        two.enable_auto_cpu_offload("cpu", memory=CloneMemory())
    assert (moved, two.placement) == ([], None)
    one.disable_auto_cpu_offload()
    two.enable_auto_cpu_offload("cpu", memory=CloneMemory())


def test_a_buffer_that_is_in_no_file_takes_its_part_of_a_budget() -> None:
    class Add(Block):
        model: torch.nn.Module = component()

        class Out(Outputs):
            x: float

        def run(self, x: float) -> Out:
            return self.Out(x=x + float(self.model.table.sum()))

    manager = ComponentsManager()
    pipe = SequentialPipelineBlocks.from_blocks_dict({"add": Add}).init_pipeline(components_manager=manager)
    model = torch.nn.Linear(10, 10)
    model.register_buffer("table", torch.ones(1000), persistent=False)
    pipe.update_components(model=model)
    pipe.configure(progress=False)
    for memory in (DeviceMemory(), CloneMemory()):
        manager.enable_auto_cpu_offload("cpu", budget=4439, memory=memory)
        with pytest.raises(ComponentError, match=r"add needs 4.4 KB of components at once \(model 4.4 KB\)"):
            pipe(x=0.0)
        manager.enable_auto_cpu_offload("cpu", budget=4440, memory=memory)
        assert pipe(x=0.0, output="x") == 1000
        assert (memory.moved, memory.peak) == (4440, 4440)


@torch.no_grad()
def test_what_was_made_in_inference_mode_computes_outside_of_it_wherever_it_was_moved() -> None:
    with torch.inference_mode():
        model = layers()
    memory, x = CloneMemory(), torch.ones(2, 3)
    expected, weights = model(x), [*model.parameters()]
    for _ in range(2):
        memory.bring("model", model)
        assert lies_on_device(memory, model)
        assert torch.equal(model(x), expected)
        memory.drop("model", model)
        assert all(one is other for one, other in zip(model.parameters(), weights, strict=True))
        assert torch.equal(model(x), expected)
    memory.bring("model", model)
    model[0].bias.add_(1)  # type: ignore[operator, union-attr]
    model[1].bias.data.add_(1)  # type: ignore[operator, union-attr]
    changed = model(x)
    memory.drop("model", model)
    assert torch.equal(model(x), changed)
    assert not torch.equal(changed, expected)
    # What stays behind is refused all the same.
    weights[0].quant_state = torch.ones(1)  # type: ignore[attr-defined]
    model = torch.nn.Sequential(torch.nn.ParameterList(weights))
    assert "whose 'quant_state' would stay behind" in unmovable(model)


@pytest.mark.parametrize(
    ("tensor", "why"),
    [
        (torch.nn.parameter.UninitializedBuffer(), "'x' has no size before the first call. Call the model once."),
        (torch.nested.nested_tensor([torch.ones(2)], layout=torch.jagged), ""),
        (torch.eye(3).to_sparse(), "'x' is sparse, which moves only as a whole: leave it on one device."),
    ],
)
def test_what_has_no_plain_numbers_is_refused_by_name(tensor: torch.Tensor, why: str) -> None:
    model = torch.nn.Module()
    model.register_buffer("x", tensor)
    if why:
        with pytest.raises(ComponentError, match=f"^'model' cannot be placed on cpu: {why}$"):
            CloneMemory().bring("model", model)
        return
    memory = CloneMemory()
    memory.bring("model", model)
    memory.drop("model", model)
    assert model.x is tensor


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_an_old_nested_tensor_is_refused_by_name() -> None:
    model = torch.nn.Module()
    model.register_buffer("x", torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]))
    with pytest.raises(ComponentError, match="^'model' cannot be placed on cpu: 'x' is nested, which moves only as a"):
        CloneMemory().bring("model", model)


@pytest.mark.parametrize("answer", [None, "model", ["nobody"], [3], 5])
def test_a_rule_of_your_own_that_returns_no_names_is_told_what_to_return(answer: object) -> None:
    with pytest.raises(
        ComponentError, match=r"^step: the offload strategy returned .*names that leave the device, of a, b\.$"
    ):
        chosen_to_go(answer, {"a": 1, "b": 2}, "step")


def test_names_are_taken_from_anything_that_has_some() -> None:
    assert chosen_to_go(iter(("b", "a")), {"a": 1, "b": 2}, "step") == ["a", "b"]
    with pytest.raises(ComponentError, match="of none, as nothing may"):
        chosen_to_go(["a"], {}, "step")
    manager = ComponentsManager()
    with pytest.raises(ComponentError, match="^strategy is 5 \\(int\\); it is a function of the bytes"):
        manager.enable_auto_cpu_offload("cpu", strategy=5, memory=CloneMemory())  # type: ignore[arg-type]
    manager.enable_auto_cpu_offload("cpu", memory=CloneMemory())
    with pytest.raises(ComponentError, match="^strategy is 'largest' \\(str\\); it is a function"):
        manager.set_offload_strategy("largest")  # type: ignore[arg-type]


@pytest.mark.parametrize("is_used", [False, True])
def test_what_is_written_on_a_copy_ahead_before_it_is_used_stays(is_used: bool) -> None:
    # A run is ended, or a block takes its result from a cache, after the model has come for a step: then a LoRA is fused into it.
    memory, model = CloneMemory(RecordedStreams()), layers()
    memory.prefetch("model", model)
    expected = [each.detach() * 2 for each in model.parameters()]
    for each in model.parameters():
        each.data.mul_(2)
    if is_used:
        memory.bring("model", model)
    memory.drop("model", model)
    assert all(map(torch.equal, model.parameters(), expected))
    # Nor is it lost where nobody could note what the copy was.
    memory.prefetch("model", model)
    for piece in memory._placed[id(model)].pieces:
        piece.digests = None
    for each in model.parameters():
        each.data.mul_(2)
    memory.drop("model", model)
    assert all(torch.equal(each, 2 * was) for each, was in zip(model.parameters(), expected, strict=True))
