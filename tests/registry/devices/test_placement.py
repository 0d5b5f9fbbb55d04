"""What is on a device within a budget, and the books that are kept of it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from brickwork import ComponentError, ComponentsManager
from brickwork.registry.component_table import Entry, table
from brickwork.registry.devices.component_bytes import component_bytes
from brickwork.registry.devices.device_memory import DeviceMemory, to_host
from brickwork.registry.devices.placement import Need, Placement
from brickwork.registry.devices.torch_memory import TorchMemory


class Weights(torch.nn.Module):
    """A model of so many bytes."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(size, dtype=torch.uint8), requires_grad=False)


class Streams(DeviceMemory):
    """Needs so many bytes of workspace at each step, and brings nothing ahead."""

    needs = 0

    def workspace(self) -> int:
        return self.needs

    def prefetch(self, name: str, component: Any) -> None: ...


A, B, C = Weights(10), Weights(50), Weights(20)


@pytest.mark.parametrize(
    ("budget", "reserve", "measured", "expected"),
    [(None, 5, {}, None), (100, 0, {}, 100), (100, 5, {}, 95), (100, 5, {"step": 30}, 70), (100, 40, {"step": 30}, 60),
     (100, 0, {"other": 30}, 100), (10, 20, {}, 0)],
)  # fmt: skip
def test_what_is_left_for_components_is_the_budget_without_what_a_step_needs(
    budget: int | None, reserve: int, measured: dict[str, int], expected: int | None
) -> None:
    placement = Placement(DeviceMemory(), budget, reserve)
    for key, size in measured.items():
        placement.note(key, size)
    assert placement.capacity("step") == expected


def test_a_step_needs_the_most_of_its_last_three_runs_and_values_where_nothing_is_measured() -> None:
    memory = Streams()
    placement = Placement(memory, 100, unknown=50)
    assert placement.needed("step") == 50
    for values, workspace, expected in ((5, 3, 5), (1, 9, 9), (6, 4, 9), (1, 1, 9), (2, 0, 6)):
        memory.needs = workspace
        placement.measure("step", values)
        assert placement.needed("step") == expected
    assert placement.needed("other") == 50
    placement.reserve = 60
    assert (placement.needed("step"), placement.needed("other")) == (60, 60)


def test_where_memory_ran_out_nothing_may_stay_beside_what_the_step_needs() -> None:
    placement = Placement(DeviceMemory(), 100)
    placement.starved("step", 30)
    assert placement.capacity("step") == 30
    Placement(DeviceMemory()).starved("step", 30)
    placement.starved("larger", 130)
    assert placement.capacity("larger") == 100


def test_components_are_brought_kept_and_dropped_by_name() -> None:
    memory = DeviceMemory()
    placement = Placement(memory)
    placement.bring("a", A)
    placement.bring("b", B)
    placement.bring("a", A)
    assert placement.resident == {id(A): "a", id(B): "b"}
    assert (placement.size_of(id(A)), placement.size_of(id(C))) == (10, 0)
    placement.keep_only([id(B), id(C)])
    assert placement.resident == {id(B): "b"}
    placement.forget(C)
    placement.forget(B)
    assert memory.log == [("bring", "a"), ("bring", "b"), ("drop", "a"), ("drop", "b")]
    assert (memory.moved, memory.peak, memory.resident) == (60, 60, 0)
    memory.drop("b", B)
    assert memory.log[-2:] == [("drop", "a"), ("drop", "b")]


@pytest.mark.parametrize(("budget", "expected"), [(None, True), (59, False), (60, True)])
def test_a_component_is_brought_ahead_if_there_is_room_beside_what_is_there(budget: int | None, expected: bool) -> None:
    placement = Placement(DeviceMemory(), budget)
    placement.bring("a", A)
    placement.prefetch("b", B, "step")
    assert (id(B) in placement.resident) is expected


def test_what_is_there_is_not_brought_ahead_again_and_a_device_may_wait_for_the_use() -> None:
    memory = DeviceMemory()
    placement = Placement(memory)
    placement.bring("a", A)
    placement.prefetch("again", A, "step")
    assert placement.resident == {id(A): "a"}
    waits = Placement(Streams())
    waits.prefetch("a", A, "step")
    assert waits.resident == {}


def test_a_step_that_needs_too_much_is_refused_with_figures_and_one_that_fits_is_not() -> None:
    placement = Placement(DeviceMemory(), 70, 5)
    placement.refuse_too_large([Need("step", "key", {"a": 15, "b": 50}, 65)])
    placement.refuse_too_large([Need("step", "key", {"a": 16, "b": 50}, 65)])  # they share weights
    Placement(DeviceMemory()).refuse_too_large([Need("step", "key", {"a": 10**9}, 10**9)])
    with pytest.raises(ComponentError) as caught:
        placement.refuse_too_large([Need("step", "key", {"a": 16, "b": 50}, 66)])
    assert str(caught.value) == (
        "step needs 66 B of components at once (a 16 B, b 50 B), values and workspace not counted; the budget is 70 B, of which 5 B stay "
        "free (memory_reserve_margin). Raise the budget to 71 B, load in a smaller dtype, or quantize."
    )
    # What was measured, or is kept free until then, refuses nothing.
    placement.note("key", 70)
    placement.unknown = 70
    placement.refuse_too_large([Need("step", "key", {"b": 65}, 65), Need("other", "other", {"b": 65}, 65)])


def test_all_steps_that_need_too_much_are_named_with_a_budget_that_serves_them_all_and_is_not_rounded_down() -> None:
    placement = Placement(DeviceMemory(), 70)
    needs = [
        Need("first", "first", {"a": 12_340}, 12_340),
        Need("second", "second", {"b": 12_330}, 12_330),
        Need("fits", "fits", {}, 0),
    ]
    with pytest.raises(ComponentError) as caught:
        placement.refuse_too_large(needs)
    assert len(caught.value.faults) == 2
    assert "12.3 KB), values and workspace not counted; the budget is 70 B. Raise the budget to 12.4 KB, load" in str(
        caught.value
    )
    Placement(DeviceMemory(), 12_400).refuse_too_large(needs)


def test_what_a_manager_is_told_arrives_in_its_placement(monkeypatch: pytest.MonkeyPatch) -> None:
    manager, memory = ComponentsManager(), DeviceMemory()
    with pytest.raises(ComponentError, match="There is nothing to decide: call enable_auto_cpu_offload"):
        manager.set_offload_strategy(None)

    def largest(*_: Any) -> list[str]:
        return []

    manager.enable_auto_cpu_offload("cpu", "2KB", "1KB", largest, memory)
    placement = manager.placement
    assert placement is not None
    assert (placement.memory, placement.budget, placement.reserve, placement.strategy) == (memory, 2000, 1000, largest)
    placement.bring("a", A)
    monkeypatch.setattr(DeviceMemory, "free_bytes", lambda _: 77)
    manager.enable_auto_cpu_offload("cpu", memory=DeviceMemory())
    assert memory.log == [("bring", "a"), ("drop", "a")]
    assert manager.placement is not None
    assert (manager.placement.budget, manager.placement.reserve, manager.placement.strategy) == (77, 0, None)
    manager.enable_auto_cpu_offload("cpu")
    assert manager.placement is not None
    assert isinstance(manager.placement.memory, TorchMemory)
    assert manager.placement.memory.device == torch.device("cpu")
    manager.disable_auto_cpu_offload()
    assert manager.placement is None
    manager.disable_auto_cpu_offload()


def test_a_component_under_two_names_leaves_the_device_with_the_last() -> None:
    manager, memory = ComponentsManager(), DeviceMemory()
    one = manager.add("one", A)
    expected = (
        r"^ComponentsManager: 'other_new' is a second copy of 'one_new': both were loaded from one place. Drop one with"
    )
    with pytest.warns(UserWarning, match=expected):
        other = manager.add("other", A)
    manager.enable_auto_cpu_offload("cpu", memory=memory)
    assert manager.placement is not None
    manager.placement.bring("one", A)
    manager.remove(one)
    assert memory.log == [("bring", "one")]
    manager.remove(other)
    assert memory.log == [("bring", "one"), ("drop", "one")]


def test_a_component_on_a_device_has_its_host_copy_back_with_its_changes_only_if_it_changed() -> None:
    memory, model = TorchMemory("cpu"), Weights(4)
    host = model.weight.data
    memory.bring("model", model)
    memory.bring("model", model)
    assert memory.size_of(id(model)) == 4
    memory.prefetch("model", model)
    assert (memory.moved, memory.log) == (4, [("bring", "model")])
    memory.drop("model", model)
    assert model.weight.data_ptr() == host.data_ptr()
    memory.drop("model", model)
    assert memory.log == [("bring", "model"), ("drop", "model")]
    assert (memory.workspace(), memory.free_bytes()) == (0, None)
    memory.bring("words", {"no": "model"})
    assert memory.size_of(id(memory)) is None


def test_a_device_without_a_stream_brings_nothing_ahead() -> None:
    memory = TorchMemory("cpu")
    memory.prefetch("a", A)
    assert memory.log == []


def test_only_models_are_moved_to_the_host_and_all_of_a_manager_are() -> None:
    moved: list[str] = []

    class Model(Weights):
        def to(self, *args: Any, **kwargs: Any) -> Any:
            moved.append(args[0])
            return self

    class Named:
        def to(self, device: str) -> None:
            moved.append("no model")

    to_host(Model(1))
    to_host(Named())
    assert moved == ["cpu"]
    manager = ComponentsManager()
    manager.add("model", Model(1))
    manager.add("named", Named())
    manager.enable_auto_cpu_offload("cpu", memory=DeviceMemory())
    assert moved == ["cpu", "cpu"]


def test_bytes_of_a_model_are_of_its_parameters_and_kept_buffers_once() -> None:
    model = Weights(10)
    model.again = model.weight
    model.register_buffer("kept", torch.zeros(2))
    model.register_buffer("made", torch.zeros(100), persistent=False)
    model.register_buffer("empty", None)
    model.inner = Weights(5)
    assert component_bytes(model) == 10 + 8 + 5
    assert component_bytes({"no": "model"}) == 0


def test_a_table_has_the_columns_that_anything_is_in() -> None:
    entry = Entry(
        "unet_1", "unet", "UNet", 2_500, "float16", "cpu", "a/b/unet", ("one", "two"), {"arrow": 0.5, "x": 1.0}
    )
    assert table([]) == "ComponentsManager: empty"
    assert table([entry, Entry("g", "g", "Guider", 0, "", "", "", ())]) == (
        "ComponentsManager: 2 components, 2.5 KB\n"
        "id      class   size    dtype    device  adapters          collections  origin\n"
        "unet_1  UNet    2.5 KB  float16  cpu     arrow x0.5, x x1  one, two     a/b/unet\n"
        "g       Guider"
    )
    assert table([Entry("g", "g", "Guider", 0, "", "", "", ())]).splitlines()[1:] == ["id  class", "g   Guider"]


@pytest.mark.parametrize(
    ("load_id", "origin"), [(None, ""), ("null", ""), ("a/b|unet|null|v1", "a/b/unet/v1"), ("a/b||null|null", "a/b")]
)
def test_an_origin_is_shown_without_what_is_not_said(load_id: str | None, origin: str) -> None:
    model = torch.nn.Module()
    model.weight = torch.nn.Parameter(torch.zeros(3, dtype=torch.float16))
    if load_id is not None:
        model._diffusers_load_id = load_id  # type: ignore[assignment]  # as loaders note it
    entry = Entry.of("id", "name", model, ("one",), {"x": 1.0})
    assert (entry.id, entry.name, entry.class_name, entry.size) == ("id", "name", "Module", 6)
    assert (entry.dtype, entry.device, entry.origin, entry.collections) == ("float16", "", origin, ("one",))
    assert Entry.of("id", "name", 3, (), {}).dtype == ""


def test_ids_of_one_name_are_numbered_from_two() -> None:
    manager = ComponentsManager()
    assert [manager.add("guider", object()) for _ in range(3)] == ["guider_new", "guider_new-2", "guider_new-3"]


def test_a_component_is_forgotten_everywhere_or_in_one_collection() -> None:
    manager, part, other = ComponentsManager(), object(), object()
    manager.add("a", part, "one")
    manager.add("a", part, "two")
    manager.add("b", other, "one")
    manager.forget(part, "none")
    assert len(manager) == 2
    manager.forget(part, "one")
    assert manager.collections == {"one": ["b_new"], "two": ["a_new"]}
    assert "a_new" in manager
    manager.forget(part)
    assert manager.collections == {"one": ["b_new"], "two": []}
    assert list(manager.components.values()) == [other]
    manager.forget(part)


def test_one_component_is_found_or_said_to_be_none_or_several() -> None:
    manager, part = ComponentsManager(), object()
    with pytest.raises(ComponentError, match="^no filter matches no component. There are none.$"):
        manager.get_one()
    manager.add("unet", part, "one")
    assert manager.get_one() is part
    manager.add("vae", object())
    with pytest.raises(ComponentError, match="^no filter matches several components: unet_new, vae_new. Say which.$"):
        manager.get_one()
    with pytest.raises(ComponentError) as caught:
        manager.get_one("x", "one", "y")
    assert str(caught.value) == "name='x', collection='one', load_id='y' matches no component. There are: unet, vae."
    assert manager.get_ids() == ["unet_new", "vae_new"]
    assert manager.get_ids(["vae", "none"]) == ["vae_new"]
    assert manager.get_ids("unet", collection="one") == ["unet_new"]
    assert manager.get_components_by_names(["vae", "none"]).keys() == {"vae"}
