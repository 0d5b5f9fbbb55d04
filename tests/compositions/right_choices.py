"""Compositions without a fault: choices by inputs, and values that are written and read under the same trigger."""

from __future__ import annotations

from typing import Any

from rows import Right
from toys import auto, block, chain, loop, peer

from brickwork import SequentialPipelineBlocks

BRANCHES = "choices by inputs"


SAME = "the same trigger again"


WARM = "hot: int -> lit: int = hot"


COOL = "-> lit: int = 0"


def switch(**parts: Any) -> Any:
    """A choice by `hot`."""
    return auto(["hot", None], **(parts or {"warm": WARM, "cool": COOL}))


def ten() -> Any:
    """Ten choices that do not hang on each other."""
    parts = {
        f"switch_{n}": auto(
            [f"hot_{n}", None], warm=f"hot_{n}: int -> lit_{n}: int = hot_{n}", cool=f"-> lit_{n}: int = 0"
        )
        for n in range(10)
    }
    return chain(**parts, last="lit_0: int, lit_9: int -> total: int = lit_0 + lit_9")


class Flow(SequentialPipelineBlocks):
    """Warm or cool."""

    block_classes = [switch(), block("lit: int -> shown: int = lit", "Show")]
    block_names = ["switch", "show"]
    workflow_map = {"warm": ("hot",), "cool": ()}


ROWS = [
    Right(
        BRANCHES,
        "a value that every branch writes",
        lambda: chain(switch=switch(), last="lit: int -> shown: int = lit"),
        {"hot": 2},
        {"shown": 2},
    ),
    Right(
        BRANCHES,
        "the default of it",
        lambda: chain(switch=switch(), last="lit: int -> shown: int = lit"),
        {},
        {"shown": 0},
    ),
    Right(
        BRANCHES,
        "None for the trigger is the default",
        lambda: chain(switch=switch(), last="lit: int -> shown: int = lit"),
        {"hot": None},
        {"shown": 0},
    ),
    Right(
        BRANCHES,
        "in properties",
        lambda: chain(
            switch=switch(
                warm=peer("hot: int -> lit: int = state_of_block.hot", "Warm"), cool=peer("-> lit: int = 0", "Cool")
            )
        ),
        {"hot": 2},
        {"lit": 2},
    ),
    Right(
        BRANCHES,
        "of two triggers the first",
        lambda: chain(
            switch=auto(
                ["mask", "image", None],
                inpaint="mask: int, image: int -> drawn: int = mask + image",
                redraw="image: int -> drawn: int = image",
                draw="-> drawn: int = 0",
            )
        ),
        {"mask": 1, "image": 2},
        {"drawn": 3},
    ),
    Right(
        BRANCHES,
        "with what the branch requires",
        lambda: chain(
            switch=auto(
                ["mask", None],
                {"inpaint": ["image"]},
                inpaint="mask: int, image: int = 0 -> drawn: int = mask + image",
                draw="-> drawn: int = 0",
            )
        ),
        {"mask": 1, "image": 2},
        {"drawn": 3},
    ),
    Right(
        BRANCHES,
        "the value is there before, and one branch changes it",
        lambda: chain(
            first="x: int -> lit: int = x",
            switch=auto(["hot"], warm="hot: int, lit: int -> lit: int = lit + hot"),
            last="lit: int -> shown: int = lit",
        ),
        {"x": 1, "hot": 5},
        {"shown": 6},
    ),
    Right(
        BRANCHES,
        "a trigger that is an optional input of its block",
        lambda: chain(switch=auto(["hot", None], warm="hot: int | None = None -> lit: int = hot", cool=COOL)),
        {"hot": 3},
        {"lit": 3},
    ),
    Right(
        BRANCHES,
        "a trigger that a nested block reads",
        lambda: chain(switch=switch(warm=chain(inner=chain(deep=WARM)), cool=COOL)),
        {"hot": 4},
        {"lit": 4},
    ),
    Right(
        BRANCHES,
        "a trigger that a loop in the branch reads",
        lambda: chain(
            switch=auto(["times", None], warm=loop(adder="i: int, lit: int = 0 -> lit: int = lit + i"), cool=COOL)
        ),
        {"times": 3},
        {"lit": 3},
    ),
    Right(
        BRANCHES,
        "a trigger that a block behind the choice reads, too",
        lambda: chain(switch=switch(), last="lit: int, hot: int = 0 -> shown: int = lit + hot"),
        {"hot": 2},
        {"shown": 4},
    ),
    Right(BRANCHES, "ten of them", ten, {"hot_0": 1, "hot_9": 2}, {"total": 3}),
    Right(
        BRANCHES,
        "a workflow_map",
        Flow,
        {"hot": 2},
        {"shown": 2},
        lambda blocks: list(blocks.available_workflows) == ["warm", "cool"],
    ),
    Right(
        SAME,
        "written and read under one trigger",
        lambda: chain(
            maker=auto(["hot"], warm="hot: int -> warmth: int = hot"),
            taker=auto(["hot"], warm="hot: int, warmth: int -> lit: int = warmth + hot"),
        ),
        {"hot": 2},
        {"lit": 4},
    ),
    Right(
        SAME,
        "and not given",
        lambda: chain(
            maker=auto(["hot"], warm="hot: int -> warmth: int = hot"),
            taker=auto(["hot", None], warm="hot: int, warmth: int -> lit: int = warmth + hot", cool=COOL),
        ),
        {},
        {"lit": 0},
    ),
    Right(
        SAME,
        "with a default branch in both",
        lambda: chain(
            maker=auto(["hot", None], warm="hot: int -> warmth: int = hot", cool="-> cold: int = 7"),
            taker=auto(
                ["hot", None],
                warm="hot: int, warmth: int -> lit: int = warmth + hot",
                cool="cold: int -> lit: int = cold",
            ),
        ),
        {},
        {"lit": 7},
    ),
    Right(
        SAME,
        "three times",
        lambda: chain(
            first=auto(["hot"], warm="hot: int -> one: int = hot"),
            second=auto(["hot"], warm="hot: int, one: int -> two: int = one + 1"),
            third=auto(["hot"], warm="hot: int, two: int -> three: int = two + 1"),
        ),
        {"hot": 1},
        {"three": 3},
    ),
    Right(
        SAME,
        "in a loop",
        lambda: chain(
            maker=auto(["hot"], warm="hot: int -> warmth: int = hot"),
            rounds=loop(taker=auto(["hot"], warm="hot: int, warmth: int, total: int -> total: int = total + warmth")),
        ),
        {"hot": 2, "total": 0, "times": 3},
        {"total": 6},
    ),
    Right(
        SAME,
        "nested in the branch",
        lambda: chain(
            maker=auto(["hot"], warm="hot: int -> warmth: int = hot"),
            outer=auto(["hot", None], inner=chain(deep="hot: int, warmth: int -> lit: int = warmth"), cool=COOL),
        ),
        {"hot": 2},
        {"lit": 2},
    ),
    Right(
        SAME,
        "of two triggers the first, twice",
        lambda: chain(
            maker=auto(
                ["mask", "image"], inpaint="mask: int -> known: int = mask", redraw="image: int -> begun: int = image"
            ),
            taker=auto(
                ["mask", "image", None],
                inpaint="mask: int, known: int -> lit: int = known",
                redraw="image: int, begun: int -> lit: int = begun",
                draw=COOL,
            ),
        ),
        {"image": 4},
        {"lit": 4},
    ),
]
