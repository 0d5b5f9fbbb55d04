"""Values that are lent to a step on another device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from attrs import frozen
from simulated_device import OnDevice, SimulatedDevice, on_device

from brickwork.engine.execution.moved_values import MovedValues, mapped

ONE, OTHER = torch.device("lazy:0"), torch.device("lazy:1")
HOST = torch.device("cpu")


@frozen
class Pair:
    first: Any
    _second: Any = None


@pytest.fixture(autouse=True)
def simulated() -> Iterator[SimulatedDevice]:
    with SimulatedDevice() as device:
        yield device


def on(device: torch.device, size: int = 4) -> torch.Tensor:
    return on_device(torch.ones(size), device)


def places(value: Any) -> list[str]:
    found: list[str] = []
    mapped(value, lambda tensor: found.append(str(tensor.device)))
    return found


@pytest.mark.parametrize("hold", [lambda t: t, lambda t: [t, 1], lambda t: (t, "a"), lambda t: {"a": [t]}, Pair, lambda t: Pair(1, (t,))])  # fmt: skip
def test_what_holds_tensors_is_lent_whole_and_given_back(hold: Any) -> None:
    moved = MovedValues([ONE, OTHER])
    values = {"x": hold(on(ONE)), "y": on(ONE)}
    before = dict(values)
    with moved.lent(["x", "absent"], values, OTHER):
        assert places(values["x"]) == [str(OTHER)]
        assert type(values["x"]) is type(before["x"])
        assert values["y"] is before["y"]
    assert values == before
    assert all(values[name] is before[name] for name in values)
    assert moved.moved == 16


def test_what_is_there_already_or_on_no_device_of_the_run_stays_the_same_object() -> None:
    moved = MovedValues([ONE, OTHER])
    values = {"here": [on(OTHER)], "away": on(torch.device("lazy:7")), "host": torch.ones(3), "text": "a", "none": {}}
    before = dict(values)
    with moved.lent(list(values), values, OTHER):
        assert all(values[name] is before[name] for name in values)


def test_of_the_host_only_what_a_step_there_has_made_is_lent_and_no_scalar() -> None:
    moved = MovedValues([ONE, HOST])
    values: dict[str, Any] = {"made": torch.ones(3), "given": torch.ones(3), "t": torch.tensor(1.0)}
    moved.note_written(["made", "t"], HOST)
    with moved.lent(list(values), values, ONE):
        assert {name: str(value.device) for name, value in values.items()} == {
            "made": "lazy:0",
            "given": "cpu",
            "t": "cpu",
        }
    moved.note_written(["made"], ONE)  # and keeps it on the host on purpose
    with moved.lent(["made"], values, ONE):
        assert values["made"].device == HOST


def test_a_copy_is_lent_again_until_somebody_writes_into_what_it_is_of() -> None:
    moved = MovedValues([ONE, OTHER])
    values: dict[str, Any] = {"x": on(ONE)}
    seen = []
    for write in (False, False, True):
        with moved.lent(["x"], values, OTHER):
            seen.append(values["x"])
        if write:
            values["x"].add_(1)
    with moved.lent(["x"], values, OTHER):
        assert values["x"] is not seen[0]
        assert values["x"].held.tolist() == [2.0] * 4
    assert seen[0] is seen[1] is seen[2]
    assert moved.moved == 32


def test_what_a_step_replaces_or_writes_into_stays() -> None:
    moved = MovedValues([ONE, OTHER])
    values: dict[str, Any] = {"replaced": on(ONE), "written": on(ONE), "read": on(ONE)}
    before = dict(values)
    with moved.lent(list(values), values, OTHER):
        values["replaced"] = new = on(OTHER)
        values["written"].mul_(3)
    assert values["replaced"] is new
    assert values["written"].device == OTHER
    assert values["written"].held.tolist() == [3.0] * 4
    assert values["read"] is before["read"]


def test_the_state_of_a_component_goes_along_and_so_does_a_solver_in_it() -> None:
    class Solver:
        def __init__(self, inner: Any = None) -> None:
            self.timesteps = on(ONE)
            self.outputs = [None, on(ONE)]
            self.order = 2
            self.table = torch.ones(3)
            if inner is not None:
                self.solver_p = inner

        def set_timesteps(self) -> None: ...

    solver = Solver(Solver())
    MovedValues([ONE, OTHER]).bring_state(solver, OTHER)
    for each in (solver, solver.solver_p):
        assert places([each.timesteps, each.outputs, each.table]) == ["lazy:1", "lazy:1", "cpu"]


def test_bytes_of_a_device_count_what_is_lent_there() -> None:
    moved = MovedValues([ONE, OTHER])
    values: dict[str, Any] = {"x": on(ONE), "y": [on(OTHER, 10)]}
    assert moved.bytes_on(ONE, values.values()) == 16
    assert moved.bytes_on(OTHER, values.values()) == 40
    with moved.lent(["x"], values, OTHER):
        pass
    assert moved.bytes_on(OTHER, values.values()) == 56
    del values["x"]
    assert moved.bytes_on(OTHER, values.values()) == 40


def test_a_double_says_on_which_of_several_devices_it_is() -> None:
    assert isinstance(on(OTHER), OnDevice)
    with pytest.raises(RuntimeError, match="was given tensors of lazy:0 and lazy:1"):
        on(ONE) + on(OTHER)
    assert str((on(OTHER) * 2).device) == "lazy:1"
    assert str(on(OTHER).to(ONE).device) == "lazy:0"
    assert str(torch.zeros(3, device=OTHER).device) == "lazy:1"
