"""Compositions without a fault: types that fit, and defaults that agree."""

from __future__ import annotations

import torch
from rows import Right
from toys import auto, chain

FIT = "types that fit"


DEFAULTS = "defaults that agree"


def pair(written: str, read: str, value: str, got: str = "thing") -> dict[str, str]:
    """Two blocks, of which one gives the other a value."""
    return {"giver": f"seed: int -> thing: {written} = {value}", "taker": f"thing: {read} -> taken: Any = {got}"}


def shaped(shape: str) -> str:
    """Write the type of a tensor."""
    return f"Annotated[Tensor, Value({shape!r}, dtype='float')]"


ROWS = [
    *[
        Right(
            FIT,
            f"{written} into {read}",
            lambda args=(written, read, value): chain(**pair(*args)),
            {"seed": 1},
            {"taken": taken},
        )
        for written, read, value, taken in [
            ("int", "int | None", "seed", 1),
            ("int", "float", "seed", 1),
            ("int", "int | str", "seed", 1),
            ("int", "Any", "seed", 1),
            ("Any", "int", "seed", 1),
            ("Literal['round']", "Literal['round', 'square']", "'round'", "round"),
            ("Literal['round', 'square']", "str", "'round'", "round"),
            ("list[int]", "list[int] | None", "[1, 2]", [1, 2]),
            ("list", "list[int]", "[1]", [1]),
            ("tuple[int, int]", "tuple[int, ...]", "(1, 2)", (1, 2)),
            ("str", "str | list[str]", "'a'", "a"),
            ("bool", "bool", "True", True),
            ("Optional[str]", "str | None", "None", None),
            ("dict[str, int]", "dict[str, Any]", "{'a': 1}", {"a": 1}),
            ("Image", "Tensor", "torch.ones(1, 3, 2, 2)", torch.ones(1, 3, 2, 2)),
            ("Tensor", "Image", "torch.ones(1, 3, 2, 2)", torch.ones(1, 3, 2, 2)),
            ("Image", "Image | None", "torch.ones(1, 3, 2, 2)", torch.ones(1, 3, 2, 2)),
            (shaped("b 3 h w"), shaped("b c h w"), "torch.ones(1, 3, 2, 2)", torch.ones(1, 3, 2, 2)),
            (shaped("b c h w"), shaped("b 3 h w"), "torch.ones(1, 3, 2, 2)", torch.ones(1, 3, 2, 2)),
            (shaped("n m"), shaped("b c"), "torch.ones(1, 3)", torch.ones(1, 3)),
            (shaped("b n"), shaped("n n"), "torch.ones(3, 3)", torch.ones(3, 3)),
            ("Fraction", "float", "0.5", 0.5),
            ("float", "Fraction", "0.5", 0.5),
        ]
    ],
    Right(
        FIT,
        "a BigNet into Net",
        lambda: chain(giver="seed: int -> thing: BigNet = BigNet()", taker="thing: Net -> taken: bool = True"),
        {"seed": 1},
        {"taken": True},
    ),
    Right(
        FIT,
        "an enlarged image of the same type",
        lambda: chain(
            bigger="image: Image -> image: Image = image.repeat(1, 1, 2, 2)",
            taker="image: Image -> taken: int = image.shape[-1]",
        ),
        {"image": torch.ones(1, 3, 2, 2)},
        {"taken": 4},
    ),
    Right(
        FIT,
        "a block changes the type for all later ones",
        lambda: chain(
            first="seed: int -> thing: int = seed",
            namer="thing: int -> thing: str = str(thing)",
            last="thing: str -> text: str = thing + '!'",
        ),
        {"seed": 3},
        {"text": "3!"},
    ),
    Right(
        FIT,
        "two readers, one wider",
        lambda: chain(first="thing: int -> one: int = thing", second="thing: int | str -> two: Any = thing"),
        {"thing": 3},
        {"one": 3, "two": 3},
    ),
    Right(
        FIT,
        "whole numbers read as fractions at the call",
        lambda: chain(taker="light: float -> taken: float = light"),
        {"light": 1},
        {"taken": 1},
    ),
    Right(
        FIT,
        "at the bounds",
        lambda: chain(taker="light: Fraction -> taken: float = light"),
        {"light": 1.0},
        {"taken": 1.0},
    ),
    Right(
        DEFAULTS,
        "the same in two blocks",
        lambda: chain(
            first="light: float = 0.5 -> one: float = light", second="light: float = 0.5 -> two: float = light"
        ),
        {},
        {"one": 0.5, "two": 0.5},
    ),
    Right(
        DEFAULTS,
        "1 and 1.0",
        lambda: chain(
            first="light: float = 1 -> one: float = light", second="light: float = 1.0 -> two: float = light"
        ),
        {},
        {"one": 1, "two": 1},
    ),
    Right(
        DEFAULTS,
        "of tuples",
        lambda: chain(
            first="size: tuple[int, int] = (1, 2) -> one: Any = size",
            second="size: tuple[int, int] = (1, 2) -> two: Any = size",
        ),
        {},
        {"two": (1, 2)},
    ),
    Right(
        DEFAULTS,
        "of two branches that exclude each other",
        lambda: chain(
            switch=auto(
                ["hot", None],
                warm="hot: int, light: float = 0.1 -> lit: float = light",
                cool="light: float = 0.9 -> lit: float = light",
            )
        ),
        {"hot": 1},
        {"lit": 0.1},
    ),
    Right(
        DEFAULTS,
        "the other default of the branch",
        lambda: chain(
            switch=auto(
                ["hot", None],
                warm="hot: int, light: float = 0.1 -> lit: float = light",
                cool="light: float = 0.9 -> lit: float = light",
            )
        ),
        {},
        {"lit": 0.9},
    ),
    Right(
        DEFAULTS,
        "another default where a block has written it",
        lambda: chain(
            first="x: int -> light: float = 0.3",
            second="light: float = 0.5 -> one: float = light",
            third="light: float = 0.7 -> two: float = light",
        ),
        {"x": 1},
        {"one": 0.3, "two": 0.3},
    ),
    Right(
        DEFAULTS,
        "one requires what has a default in the other",
        lambda: chain(first="light: float -> one: float = light", second="light: float = 0.5 -> two: float = light"),
        {"light": 0.2},
        {"two": 0.2},
    ),
    Right(
        DEFAULTS,
        "of configs",
        lambda: chain(
            first="[strong: bool = config(True)] x: int -> one: bool = self.strong",
            second="[strong: bool = config(True)] x: int -> two: bool = self.strong",
        ),
        {"x": 1},
        {"one": True, "two": True},
    ),
    Right(
        DEFAULTS,
        "None for what may be None",
        lambda: chain(first="light: float | None = None -> one: Any = light"),
        {},
        {"one": None},
    ),
    Right(
        DEFAULTS, "an empty list", lambda: chain(first="sizes: list[int] = [] -> one: int = len(sizes)"), {}, {"one": 0}
    ),
]
