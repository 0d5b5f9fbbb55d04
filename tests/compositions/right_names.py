"""Compositions without a fault: names that look wrong and are meant, and optional values."""

from __future__ import annotations

from rows import Right
from toys import auto, block, chain, choice

NAMES = "names that are near, and meant"


OPTIONAL = "optional values"


ROWS = [
    Right(
        NAMES,
        "image and images",
        lambda: chain(
            painter="seed: int -> image: int = seed",
            batcher="image: int -> images: list[int] = [image]",
            last="images: list[int] -> found: int = len(images)",
        ),
        {"seed": 1},
        {"found": 1},
    ),
    Right(
        NAMES,
        "prompt and prompt_2",
        lambda: chain(
            first="prompt: str -> one: str = prompt", second="prompt_2: str | None = None -> two: Any = prompt_2"
        ),
        {"prompt": "a"},
        {"one": "a", "two": None},
    ),
    Right(
        NAMES,
        "width and widths, both of the caller",
        lambda: chain(first="width: int -> one: int = width", second="widths: list[int] -> two: int = sum(widths)"),
        {"width": 1, "widths": [1, 2]},
        {"two": 3},
    ),
    Right(
        NAMES,
        "latent for the result, latents for what is read",
        lambda: chain(first="latents: list[int] -> latent: int = latents[0]"),
        {"latents": [3]},
        {"latent": 3},
    ),
    Right(
        NAMES,
        "net and net_2",
        lambda: chain(
            first="[net: Net = component(config={})] x: int -> one: int = x",
            second="[net_2: Net = component(config={})] x: int -> two: int = x",
        ),
        {"x": 1},
        {"two": 1},
    ),
    Right(
        NAMES,
        "x, y and z",
        lambda: chain(first="x: int -> y: int = x + 1", second="y: int -> z: int = y + 1"),
        {"x": 1},
        {"z": 3},
    ),
    Right(
        NAMES,
        "two results nobody reads",
        lambda: chain(first="x: int -> lo: int = x, hi: int = x + 1"),
        {"x": 1},
        {"lo": 1, "hi": 2},
    ),
    Right(
        NAMES,
        "a block and a value of one name",
        lambda: chain(image="seed: int -> image: int = seed", mean="image: int -> mean: float = image / 2"),
        {"seed": 2},
        {"mean": 1.0},
    ),
    Right(
        NAMES,
        "blocks of one name at two places",
        lambda: chain(step=chain(step="x: int -> y: int = x"), other=chain(step="y: int -> z: int = y")),
        {"x": 1},
        {"z": 1},
    ),
    Right(
        NAMES,
        "one class twice",
        lambda: chain(**dict.fromkeys(("first", "second"), block("x: int -> x: int = x + 1", "Add"))),
        {"x": 1},
        {"x": 3},
    ),
    Right(
        OPTIONAL,
        "read in one branch alone",
        lambda: chain(
            switch=auto(
                ["hot", None], warm="hot: int, light: float = 0.1 -> lit: float = light", cool="-> lit: float = 0.0"
            )
        ),
        {},
        {"lit": 0.0},
    ),
    Right(
        OPTIONAL,
        "written in one branch, with a default behind it",
        lambda: chain(
            switch=auto(["hot", None], warm="hot: int -> warmth: int = hot", cool="-> other: int = 0"),
            taker="warmth: int = 7 -> taken: int = warmth",
        ),
        {},
        {"taken": 7},
    ),
    Right(
        OPTIONAL,
        "the same, where it is written",
        lambda: chain(
            switch=auto(["hot", None], warm="hot: int -> warmth: int = hot", cool="-> other: int = 0"),
            taker="warmth: int = 7 -> taken: int = warmth",
        ),
        {"hot": 2},
        {"taken": 2},
    ),
    Right(
        OPTIONAL,
        "written in a choice by values, with a default",
        lambda: chain(
            pick=choice("mode: str", "'warm' if mode == 'hot' else None", warm="x: int -> warmth: int = x"),
            taker="warmth: int = 7 -> taken: int = warmth",
        ),
        {"mode": "cold"},
        {"taken": 7},
    ),
    Right(
        OPTIONAL,
        "None where the caller has none",
        lambda: chain(taker="mask: Image | None = None -> taken: bool = mask is None"),
        {},
        {"taken": True},
    ),
    Right(
        OPTIONAL,
        "None given for what may be None",
        lambda: chain(taker="mask: Image | None = None -> taken: bool = mask is None"),
        {"mask": None},
        {"taken": True},
    ),
    Right(
        OPTIONAL,
        "no default trigger, nothing given",
        lambda: chain(
            first="x: int -> y: int = x",
            switch=auto(["hot"], warm="hot: int -> y: int = hot"),
            last="y: int -> z: int = y",
        ),
        {"x": 3},
        {"z": 3},
    ),
    Right(
        OPTIONAL,
        "the caller may give what a later block changes",
        lambda: chain(
            first="light: float = 0.5 -> light: float = light * 2", last="light: float -> lit: float = light"
        ),
        {},
        {"lit": 1.0},
    ),
]
