"""Compositions without a fault: choices in choices, choices by values, and edits."""

from __future__ import annotations

from typing import Any

from rows import Right
from toys import auto, block, chain, choice, loop, loop_class, made

from brickwork import SequentialPipelineBlocks

NESTED = "nested choices"


VALUES = "choices by values"


EDITS = "edits"


WARM = "hot: int -> lit: int = hot"


COOL = "-> lit: int = 0"


def switch(**parts: Any) -> Any:
    """A choice by `hot`."""
    return auto(["hot", None], **(parts or {"warm": WARM, "cool": COOL}))


def edited(edit: Any, **parts: Any) -> Any:
    """Blocks after an edit."""
    blocks = chain(**(parts or {"first": "x: int -> y: int = x + 1", "last": "y: int -> z: int = y * 2"}))
    edit(blocks)
    return blocks


class Flow(SequentialPipelineBlocks):
    """Warm or cool."""

    block_classes = [switch(), block("lit: int -> shown: int = lit", "Show")]
    block_names = ["switch", "show"]
    workflow_map = {"warm": ("hot",), "cool": ()}


INNER = loop_class(
    "inner_times: int -> j: int", "yield from (self.Vars(j=j) for j in range(inner_times))", name="Inner"
)


ROWS = [
    Right(
        NESTED,
        "that exclude each other",
        lambda: chain(
            outer=auto(
                ["mask", None],
                inpaint=auto(
                    ["image", None],
                    known="image: int, mask: int -> drawn: int = image + mask",
                    blank="mask: int -> drawn: int = mask",
                ),
                draw="-> drawn: int = 0",
            )
        ),
        {"mask": 1},
        {"drawn": 1},
    ),
    Right(
        NESTED,
        "both given",
        lambda: chain(
            outer=auto(
                ["mask", None],
                inpaint=auto(
                    ["image", None],
                    known="image: int, mask: int -> drawn: int = image + mask",
                    blank="mask: int -> drawn: int = mask",
                ),
                draw="-> drawn: int = 0",
            )
        ),
        {"mask": 1, "image": 2},
        {"drawn": 3},
    ),
    Right(
        NESTED,
        "every leaf writes it",
        lambda: chain(
            outer=auto(
                ["mask", None],
                inpaint=auto(
                    ["image", None],
                    known="image: int, mask: int -> drawn: int = 1",
                    blank="mask: int -> drawn: int = 2",
                ),
                draw=auto(["hot", None], warm="hot: int -> drawn: int = 3", cool="-> drawn: int = 4"),
            ),
            last="drawn: int -> shown: int = drawn",
        ),
        {"hot": 1},
        {"shown": 3},
    ),
    Right(
        NESTED,
        "a choice by inputs in one by values",
        lambda: chain(
            pick=choice("mode: str", "mode", warm=switch(), cool="-> lit: int = 9"), last="lit: int -> shown: int = lit"
        ),
        {"mode": "warm", "hot": 5},
        {"shown": 5},
    ),
    Right(
        NESTED,
        "a choice by values in one by inputs",
        lambda: chain(
            switch=switch(
                warm=choice(
                    "hot: int",
                    "'big' if hot > 3 else 'small'",
                    big="hot: int -> lit: int = hot",
                    small="hot: int -> lit: int = -hot",
                ),
                cool=COOL,
            )
        ),
        {"hot": 2},
        {"lit": -2},
    ),
    Right(
        NESTED,
        "a loop in a choice in a loop",
        lambda: chain(
            rounds=loop(
                switch=auto(
                    ["hot"],
                    warm=INNER.from_blocks_dict(
                        made({"adder": "total: int, hot: int, j: int -> total: int = total + hot"})
                    ),
                )
            )
        ),
        {"hot": 1, "total": 0, "times": 2, "inner_times": 3},
        {"total": 6},
    ),
    Right(
        VALUES,
        "every branch writes it",
        lambda: chain(
            pick=choice("mode: str", "mode", warm="x: int -> lit: int = x", cool="-> lit: int = 0"),
            last="lit: int -> shown: int = lit",
        ),
        {"mode": "warm", "x": 4},
        {"shown": 4},
    ),
    Right(
        VALUES,
        "by a value of the run",
        lambda: chain(
            first="seed: int -> heat: int = seed * 2",
            pick=choice(
                "heat: int",
                "'warm' if heat > 3 else 'cool'",
                warm="heat: int -> lit: int = heat",
                cool="-> lit: int = 0",
            ),
            last="lit: int -> shown: int = lit",
        ),
        {"seed": 2},
        {"shown": 4},
    ),
    Right(
        VALUES,
        "with a default",
        lambda: chain(
            pick=choice(
                "heat: int | None = None",
                "'warm' if heat else None",
                "cool",
                warm="heat: int -> lit: int = heat",
                cool=COOL,
            ),
            last="lit: int -> shown: int = lit",
        ),
        {},
        {"shown": 0},
    ),
    Right(
        VALUES,
        "nothing chosen, and the value is there before",
        lambda: chain(
            first="x: int -> lit: int = x",
            pick=choice("x: int", "'warm' if x > 3 else None", warm="lit: int -> lit: int = lit * 2"),
            last="lit: int -> shown: int = lit",
        ),
        {"x": 2},
        {"shown": 2},
    ),
    Right(
        VALUES,
        "by two values",
        lambda: chain(
            pick=choice(
                "x: int, y: int",
                "'warm' if x > y else 'cool'",
                warm="x: int -> lit: int = x",
                cool="y: int -> lit: int = y",
            )
        ),
        {"x": 1, "y": 2},
        {"lit": 2},
    ),
    Right(
        VALUES,
        "in each iteration anew",
        lambda: chain(
            rounds=loop(
                pick=choice(
                    "i: int",
                    "'even' if i % 2 == 0 else 'odd'",
                    even="total: int, i: int -> total: int = total + i",
                    odd="total: int -> total: int = total * 10",
                )
            )
        ),
        {"total": 1, "times": 4},
        {"total": 120},
    ),
    Right(
        EDITS,
        "insert, replace and pop",
        lambda: edited(
            lambda b: [
                b.insert_before("last", "more", block("y: int -> y: int = y + 5", "More")),
                b.replace("first", block("x: int -> y: int = x", "First")),
            ]
        ),
        {"x": 1},
        {"z": 12},
    ),
    Right(
        EDITS,
        "a name that was popped, again",
        lambda: edited(lambda b: [b.pop("first"), b.insert("first", block("x: int -> y: int = x", "Again"), 0)]),
        {"x": 1},
        {"z": 2},
    ),
    Right(
        EDITS,
        "deeper",
        lambda: edited(
            lambda b: b.insert_after("outer.first", "more", block("y: int -> y: int = y + 5", "More")),
            outer=chain(first="x: int -> y: int = x"),
            last="y: int -> z: int = y",
        ),
        {"x": 1},
        {"z": 6},
    ),
    Right(EDITS, "a workflow alone", lambda: Flow().get_workflow("warm"), {"hot": 3}, {"shown": 3}),
]
