"""How components are divided over devices."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from brickwork.engine.execution.device_plan import DevicePlanner, Division
from brickwork.engine.execution.uses import composition_key
from brickwork.engine.nodes import BlockNode, LoopNode, Node
from brickwork.registry.devices.device_choice import DeviceChoice
from brickwork.registry.devices.device_memory import DeviceMemory
from brickwork.registry.devices.device_runs import DeviceRuns
from brickwork.registry.devices.placement import Placement
from brickwork.registry.devices.several_placements import SeveralPlacements


def step(*names: str) -> BlockNode:
    return BlockNode("+".join(names), (), (), lambda _: lambda _: lambda _: None, names)


def loop(*body: Node) -> LoopNode:
    return LoopNode("loop", (), (), body, lambda _: lambda _: lambda _: ((), 0))


def placements(*budgets: int | None) -> SeveralPlacements:
    names = tuple(f"cuda:{index}" for index in range(len(budgets)))
    runs = DeviceRuns()
    each = {name: Placement(DeviceMemory(), budget, runs=runs) for name, budget in zip(names, budgets, strict=True)}
    return SeveralPlacements(DeviceChoice(names), each, runs)


def divided(
    steps: list[Node], sizes: dict[str, int], *budgets: int | None, fixed: Any = None, together: Any = ()
) -> Division:
    keys = {name: index for index, name in enumerate(sizes)}
    used = [frozenset(node.components) for node in steps if isinstance(node, BlockNode)]
    planner = DevicePlanner(steps, sizes, keys, placements(*budgets))
    return planner.divided([*used, *together], fixed or {})


SIZES = {"encoder": 40, "denoiser": 60, "vae": 10}
STEPS: list[Node] = [step("encoder"), loop(step("denoiser")), step("vae")]


@pytest.mark.parametrize(
    ("budgets", "where", "moved", "changes"),
    [
        ((None, None), (0, 0, 0), 110, 0),
        ((110, 110), (0, 0, 0), 110, 0),
        # Of the ways that bring each once, that with one change and not two.
        ((100, 70), (0, 0, 1), 110, 1),
        ((70, 50), (1, 0, 0), 110, 1),
        ((50, 70), (0, 1, 1), 110, 1),
        ((60, 50), (1, 0, 1), 110, 2),
        # Nowhere room for all: the encoder and the small one take turns, which moves the least.
        ((60, 40), (1, 0, 1), 160, 2),
    ],
)
def test_the_fewest_bytes_are_moved_then_the_device_changes_least(
    budgets: tuple[int | None, ...], where: tuple[int, ...], moved: int, changes: int
) -> None:
    found = divided(STEPS, SIZES, *budgets)
    assert found.devices == {name: f"cuda:{index}" for name, index in zip(SIZES, where, strict=True)}
    assert (found.price.moved, found.price.changes, found.price.excess) == (moved, changes, 0)


def test_what_a_step_uses_stays_together_and_what_is_fixed_stays_where_it_is() -> None:
    steps = [step("encoder", "second"), step("denoiser")]
    sizes = {"encoder": 40, "second": 40, "denoiser": 60}
    assert divided(steps, sizes, 80, 60).devices == {"encoder": "cuda:0", "second": "cuda:0", "denoiser": "cuda:1"}
    assert divided(steps, sizes, 900, 900, fixed={"second": "cuda:1"}).devices["encoder"] == "cuda:1"
    shared = divided(STEPS, SIZES, 100, 110, together=[frozenset({"encoder", "vae"}), frozenset({"vae", "denoiser"})])
    assert set(shared.devices.values()) == {"cuda:1"}


def test_a_device_that_is_too_small_is_avoided_and_counted_where_it_cannot_be() -> None:
    assert divided(STEPS, SIZES, 50, 60).price.excess == 0
    # Ten bytes in each of 30 iterations.
    assert divided(STEPS, SIZES, 50, 50).price.excess == 300
    assert divided([step("denoiser")], SIZES, 50).price.excess == 10


@pytest.mark.parametrize(
    ("budgets", "where"),
    [
        # The denoiser comes layer by layer wherever it is: there where the fewest bytes have no room.
        ((40, 50), (0, 1, 1)),
        ((50, 40), (1, 0, 0)),
        # Beside it, what takes turns with it costs a copy in a run, and what comes in layers one in each iteration.
        ((55, 20), (0, 0, 1)),
        # The encoder in layers once costs less than the denoiser in 30 iterations.
        ((60, 35), (0, 0, 1)),
    ],
)
def test_of_ways_in_which_models_come_layer_by_layer_the_one_that_copies_least(
    budgets: tuple[int, int], where: tuple[int, ...]
) -> None:
    found = divided(STEPS, SIZES, *budgets)
    assert found.devices == {name: f"cuda:{index}" for name, index in zip(SIZES, where, strict=True)}
    assert ("beside the layers for which there is no room" in found.words) is (found.price.excess > 0)


def test_what_was_measured_moves_no_model_to_a_device_where_more_of_it_has_no_room() -> None:
    """The denoiser, which has no room beside its values anywhere, stays where it has most: there a run before was let begin."""
    there = placements(60, 50)
    keys = {name: index for index, name in enumerate(SIZES)}
    planner = DevicePlanner(STEPS, SIZES, keys, there)
    assert (planner.divided([], {}).devices["denoiser"], planner.divided([], {}).price.excess) == ("cuda:0", 0)
    for beside in ({}, {"encoder": 40}, {"vae": 10}, {"encoder": 40, "vae": 10}):
        for path in ("loop", "denoiser"):
            there.each["cuda:0"].note((*composition_key({"denoiser": 60, **beside}, ()), path), 55)
    found = planner.divided([], {})
    assert found.devices["denoiser"] == "cuda:0"
    assert (found.price.lacking, found.price.excess > 0) == (0, True)


def test_what_is_there_already_stays() -> None:
    there = placements(None, None)
    model = object()
    there.each["cuda:1"].bring("denoiser", model)
    keys = {"encoder": 1, "denoiser": id(model), "vae": 3}
    found = DevicePlanner(STEPS, SIZES, keys, there).divided([], {})
    assert set(found.devices.values()) == {"cuda:1"}
    assert found.price.moved == 50
    assert found.words == (
        "planned: this run and the next one like it move 50 B to devices, and the device changes 0 times from step to step"
    )


def test_of_very_many_ways_the_largest_is_placed_first() -> None:
    sizes = {f"model{index}": 100 - index for index in range(13)}
    steps: list[Node] = [step(name) for name in sizes]
    budget = sum(sorted(sizes.values())[:7]) + 20
    found = divided(steps, sizes, budget, budget)
    totals = [
        sum(sizes[name] for name, _ in group)
        for _, group in itertools.groupby(sorted(found.devices.items(), key=lambda each: each[1]), key=lambda e: e[1])
    ]
    assert len(totals) == 2
    assert max(totals) <= budget
