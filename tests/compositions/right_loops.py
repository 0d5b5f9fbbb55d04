"""Compositions without a fault: loops, and what they carry from iteration to iteration."""

from __future__ import annotations

from typing import Any

from rows import Right
from toys import auto, chain, choice, loop, loop_class, made, peer

CARRIED = "carried by loops"


LOOPS = "loops"


ADD = "total: int, i: int -> total: int = total + i"


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


def rounds(text: str, code: str = "", count: str = "", **parts: Any) -> Any:
    """A composition with a loop in it."""
    return chain(rounds=loop_class(text, code, count).from_blocks_dict(made(parts)))


DENOISE = {
    "start": "seed: int -> latents: int = seed",
    "denoise": loop(
        "times: int -> t: int",
        scale="latents: int, t: int -> scaled: int = latents + t",
        predict="scaled: int -> noise: int = scaled - 1",
        step="latents: int, noise: int -> latents: int = latents + noise",
    ),
    "decode": "latents: int -> image: int = latents * 10",
}


INNER = loop_class(
    "inner_times: int -> j: int", "yield from (self.Vars(j=j) for j in range(inner_times))", name="Inner"
)


ROWS = [
    Right(CARRIED, "a sum", lambda: chain(rounds=loop(adder=ADD)), {"total": 0, "times": 4}, {"total": 6}),
    Right(
        CARRIED,
        "with a default to begin with",
        lambda: chain(rounds=loop(adder="i: int, total: int = 0 -> total: int = total + i")),
        {"times": 4},
        {"total": 6},
    ),
    Right(
        CARRIED,
        "written before the loop",
        lambda: chain(first="x: int -> total: int = x", rounds=loop(adder=ADD)),
        {"x": 1, "times": 3},
        {"total": 4},
    ),
    Right(
        CARRIED,
        "from the last block of an iteration to the first of the next",
        lambda: chain(
            rounds=loop(
                reader="memory: int = 5 -> seen: int = memory", writer="i: int, seen: int -> memory: int = seen + i"
            )
        ),
        {"times": 3},
        {"memory": 8},
    ),
    Right(
        CARRIED,
        "a momentum",
        lambda: chain(
            rounds=loop(mover="x: int, i: int, speed: int = 1 -> x: int = x + speed, speed: int = speed + 1")
        ),
        {"x": 0, "times": 3},
        {"x": 6},
    ),
    Right(CARRIED, "what a denoiser does", lambda: chain(**DENOISE), {"seed": 1, "times": 2}, {"image": 20}),
    Right(
        CARRIED,
        "no iterations",
        lambda: chain(
            first="x: int -> total: int = x", rounds=loop(adder=ADD), last="total: int -> shown: int = total"
        ),
        {"x": 3, "times": 0},
        {"shown": 3},
    ),
    Right(
        CARRIED,
        "changed in a branch of the body",
        lambda: chain(
            rounds=loop(adder=ADD, switch=auto(["hot"], warm="hot: int, total: int -> total: int = total + hot"))
        ),
        {"total": 0, "times": 3, "hot": 10},
        {"total": 33},
    ),
    Right(
        CARRIED,
        "changed in a choice by the loop variable",
        lambda: chain(rounds=loop(pick=choice("i: int", "'adder' if i > 1 else None", adder=ADD))),
        {"total": 0, "times": 4},
        {"total": 5},
    ),
    Right(
        CARRIED,
        "through two loops in a row",
        lambda: chain(first=loop(adder=ADD), second=loop(adder=ADD)),
        {"total": 0, "times": 3},
        {"total": 6},
    ),
    Right(
        CARRIED,
        "through a loop in a loop",
        lambda: rounds(
            "times: int -> i: int",
            inner=INNER.from_blocks_dict(made({"adder": "total: int, i: int, j: int -> total: int = total + i * j"})),
        ),
        {"total": 0, "times": 3, "inner_times": 3},
        {"total": 9},
    ),
    Right(
        LOOPS,
        "a body that reads no variable",
        lambda: chain(rounds=loop(doubler="x: int -> x: int = x * 2")),
        {"x": 1, "times": 5},
        {"x": 32},
    ),
    Right(
        LOOPS,
        "a temporary of the body",
        lambda: chain(
            rounds=loop(first="total: int, i: int -> half: int = total + i", second="half: int -> total: int = half")
        ),
        {"total": 0, "times": 3},
        {"total": 3},
    ),
    Right(
        LOOPS,
        "a temporary that is read behind the loop",
        lambda: chain(
            rounds=loop(first="total: int, i: int -> half: int = total + i", second="half: int -> total: int = half"),
            last="half: int -> shown: int = half",
        ),
        {"total": 0, "times": 3},
        {"shown": 3},
    ),
    Right(
        LOOPS,
        "two variables",
        lambda: rounds(
            "times: int -> i: int = i, t: int = 10 - i",
            adder="total: int, i: int, t: int -> total: int = total + i * t",
        ),
        {"total": 0, "times": 3},
        {"total": 25},
    ),
    Right(
        LOOPS,
        "a variable that no block reads",
        lambda: rounds("times: int -> i: int = i, t: int = 10 - i", adder=ADD),
        {"total": 0, "times": 3},
        {"total": 3},
    ),
    Right(
        LOOPS,
        "two loops with one variable",
        lambda: chain(first=loop(adder=ADD), second=loop(adder="total: int, i: int -> total: int = total - i")),
        {"total": 5, "times": 3},
        {"total": 5},
    ),
    Right(
        LOOPS,
        "count with the same inputs",
        lambda: rounds("times: int -> i: int", count="times: int", adder=ADD),
        {"total": 0, "times": 3},
        {"total": 3},
    ),
    Right(
        LOOPS,
        "count with some of the inputs",
        lambda: rounds("times: int, jump: int = 1 -> i: int = i * jump", count="times: int", adder=ADD),
        {"total": 0, "times": 3, "jump": 2},
        {"total": 6},
    ),
    Right(
        LOOPS,
        "count and iterate with one default",
        lambda: rounds("times: int = 3 -> i: int", count="times: int = 3", adder=ADD),
        {"total": 0},
        {"total": 3},
    ),
    Right(
        LOOPS,
        "over a list",
        lambda: rounds("numbers: list[int] -> i: int", "yield from (self.Vars(i=n) for n in numbers)", adder=ADD),
        {"total": 0, "numbers": [4, 5]},
        {"total": 9},
    ),
    Right(
        LOOPS,
        "over what a block has written",
        lambda: chain(
            first="x: int -> numbers: list[int] = [x, x]",
            rounds=rounds("numbers: list[int] -> i: int", "yield from (self.Vars(i=n) for n in numbers)", adder=ADD),
        ),
        {"total": 0, "x": 2},
        {"total": 4},
    ),
    Right(
        LOOPS,
        "an iterator in place of a generator",
        lambda: rounds("times: int -> i: int", "return iter([self.Vars(i=4)])", adder=ADD),
        {"total": 0, "times": 1},
        {"total": 4},
    ),
    Right(
        LOOPS,
        "in a branch",
        lambda: chain(
            switch=switch(
                warm=loop(adder="hot: int, total: int -> total: int = total + hot"),
                cool="total: int -> total: int = total",
            )
        ),
        {"hot": 2, "total": 0, "times": 3},
        {"total": 6},
    ),
    Right(
        LOOPS,
        "wrapped around a block",
        lambda: edited(
            lambda b: b.wrap("adder", loop_class("times: int -> i: int")), adder="total: int -> total: int = total + 1"
        ),
        {"total": 0, "times": 3},
        {"total": 3},
    ),
    Right(
        LOOPS,
        "properties beside a signature in the body",
        lambda: chain(
            rounds=loop(adder=ADD, doubler=peer("total: int -> total: int = block_state.total * 2", "Doubler", "i"))
        ),
        {"total": 0, "times": 3},
        {"total": 8},
    ),
]
