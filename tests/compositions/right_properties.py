"""Compositions without a fault: blocks in the style of diffusers, components and configs."""

from __future__ import annotations

from rows import Right
from toys import BigNet, Net, auto, block, chain, in_branch, in_choice, loop, peer, peers

PROPERTIES = "properties"


PARTS = "components and configs"


ROWS = [
    Right(
        PROPERTIES,
        "beside a signature",
        lambda: chain(
            first=peer("x: int -> y: int = state_of_block.x + 1", "First"), second="y: int -> z: int = y * 2"
        ),
        {"x": 1},
        {"z": 4},
    ),
    Right(
        PROPERTIES,
        "without types",
        lambda: chain(
            first=peer("x -> y = state_of_block.x", "First"), second=peer("y -> z = state_of_block.y", "Second")
        ),
        {"x": 1},
        {"z": 1},
    ),
    Right(
        PROPERTIES,
        "temporaries on the block state",
        lambda: chain(
            first=peer("x: int -> y: int = setattr(state_of_block, 'kept', 5) or state_of_block.kept", "First")
        ),
        {"x": 1},
        {"y": 5},
    ),
    Right(
        PROPERTIES,
        "an optional input that is not given",
        lambda: chain(first=peer("mask = None -> found: bool = state_of_block.mask is None", "First")),
        {},
        {"found": True},
    ),
    Right(
        PROPERTIES,
        "in a branch",
        lambda: in_branch(**peers({"first": "x: int -> y: int = state_of_block.x"})),
        {"x": 2, "go": 1},
        {"y": 2},
    ),
    Right(
        PROPERTIES,
        "in a choice by values",
        lambda: in_choice(**peers({"first": "x: int -> y: int = state_of_block.x"})),
        {"x": 2, "mode": "filled"},
        {"y": 2},
    ),
    Right(
        PROPERTIES,
        "two deep",
        lambda: chain(outer=chain(inner=chain(**peers({"first": "x: int -> y: int = state_of_block.x"})))),
        {"x": 2},
        {"y": 2},
    ),
    Right(
        PROPERTIES,
        "in a loop",
        lambda: chain(rounds=loop(adder=peer("total: int -> total: int = block_state.total + i", "Adder", "i"))),
        {"total": 0, "times": 4},
        {"total": 6},
    ),
    Right(
        PROPERTIES,
        "a temporary of a loop that its next block reads",
        lambda: chain(
            rounds=loop(
                first=peer("total: int -> half: int = block_state.total + 1", "First", "i"),
                second=peer("half: int -> total: int = block_state.half", "Second", "i"),
            )
        ),
        {"total": 0, "times": 3},
        {"total": 3},
    ),
    Right(
        PROPERTIES,
        "a config with its default",
        lambda: chain(
            first=peer("[strong: bool = config(True)] x: int -> y: bool = components.config.strong", "First")
        ),
        {"x": 1},
        {"y": True},
    ),
    Right(
        PARTS,
        "one component in two blocks",
        lambda: chain(
            first="[net: Net = component(config={})] x: int -> one: int = x",
            second="[net: Net = component(config={})] x: int -> two: int = x",
        ),
        {"x": 1},
        {"two": 1},
    ),
    Right(
        PARTS,
        "a Net and a BigNet",
        lambda: chain(
            first="[net: Net = component()] x: int -> one: int = x",
            second="[net: BigNet = component()] x: int -> two: int = x",
        ),
        None,
    ),
    Right(
        PARTS,
        "of a branch that does not run",
        lambda: chain(
            switch=auto(
                ["hot", None], warm="[net: Net = component()] hot: int -> lit: int = hot", cool="-> lit: int = 0"
            )
        ),
        {},
        {"lit": 0},
    ),
    Right(
        PARTS,
        "a config and an option",
        lambda: chain(
            first=block("[strong: bool = config(True), size: int = 2] x: int -> y: int = x * self.size", "First")(
                size=3
            )
        ),
        {"x": 2},
        {"y": 6},
    ),
    Right(
        PARTS,
        "a component that a block changes",
        lambda: chain(first="[net: Net = component(config={}, mutates=True)] x: int -> one: int = x"),
        {"x": 1},
        {"one": 1},
    ),
    Right(
        PARTS,
        "classes that are used",
        lambda: chain(first="x: int -> net: Net = Net()", second="net: Net -> kind: str = type(net).__name__"),
        {"x": 1},
        {"kind": "Net"},
        lambda blocks: isinstance(BigNet(), Net),
    ),
]
