"""Types that do not meet: classes, Optional, Literal, lists, the dimensions of tensors and their number formats."""

from __future__ import annotations

from typing import Any

import torch
from rows import Faulty, placed
from toys import chain, choice, loop, peer

TYPES = "type conflicts"
TENSORS = "dimensions and dtypes"
AGREE = "dimensions that cannot agree"
GIVEN = "tensors of the caller"
REMEDY = ("convert", "rename", "change", "declare")


def pair(written: str, read: str) -> dict[str, Any]:
    """Two blocks, of which one gives the other a value."""
    return {"giver": f"seed: int -> thing: {written} = None", "taker": f"thing: {read} -> taken: int = 1"}


def shaped(shape: str, dtype: str = "float") -> str:
    """Write the type of a tensor."""
    return f"Annotated[Tensor, Value({shape!r}, dtype={dtype!r})]"


PAIRS = [
    ("int", "str"),
    ("str", "float"),
    ("Tensor", "str"),
    ("float", "int"),
    ("int | None", "int"),
    ("Optional[str]", "str"),
    ("Literal['round', 'square']", "Literal['thin', 'thick']"),
    ("Literal['round', 'square']", "int"),
    ("list[int]", "list[str]"),
    ("list[Tensor]", "Tensor"),
    ("Tensor", "list[Tensor]"),
    ("Net", "Clock"),
    ("Net", "BigNet"),
    ("dict[str, int]", "dict[str, str]"),
    ("tuple[int, int]", "tuple[int, int, int]"),
    ("Union[int, str]", "int"),
]
#: What is given may fit in the run, so a warning suffices.
WIDER = [("int | None", "int"), ("Optional[str]", "str"), ("Net", "BigNet"), ("Union[int, str]", "int")]
SHAPES = [
    ("colours", "Image", "Gray"),
    ("dimensions", "Image", "Flat"),
    ("whole numbers for fractions", "Marks", "Image"),
    ("yes and no for fractions", "Flags", "Image"),
    ("yes and no for whole numbers", "Flags", "Marks"),
    ("latents for images", shaped("b 4 h w"), "Image"),
    ("one dimension fewer", shaped("b h w"), shaped("b c h w")),
    ("a size that is fixed", shaped("b 77 768"), shaped("b 77 1024")),
    ("a batch of one", shaped("1 3 h w"), shaped("2 3 h w")),
]
AT = {"giver": f"seed: int -> left: {shaped('b 3')}, right: {shaped('b 4')}"}
JOIN = f"left: {shaped('b n')}, right: {shaped('b n')} -> joined: int = 1"
IMAGE = {"framer": "image: Image -> framed: Image = image"}

ROWS = [
    *[
        Faulty(
            TYPES,
            f"{written} into {read}",
            lambda written=written, read=read: chain(**pair(written, read)),
            ("giver", "taker", "thing", REMEDY),
            warns=(written, read) in WIDER,
        )
        for written, read in PAIRS
    ],
    *placed(
        TYPES,
        "int into str",
        pair("int", "str"),
        ("giver", "taker", "thing", REMEDY),
        ("loop", "branch", "two deep", "choice"),
    ),
    *placed(
        TYPES,
        "Net into Clock",
        pair("Net", "Clock"),
        ("giver", "taker", "thing", "net", "clock"),
        ("loop", "branch", "choice"),
    ),
    Faulty(
        TYPES,
        "properties into a signature",
        lambda: chain(giver=peer("seed: int -> thing: int = 1", "Giver"), taker="thing: str -> taken: int = 1"),
        ("giver", "taker", "thing", REMEDY),
        warns=True,
    ),
    Faulty(
        TYPES,
        "a signature into properties",
        lambda: chain(giver="seed: int -> thing: int", taker=peer("thing: str -> taken: int = 1", "Taker")),
        ("giver", "taker", "thing", REMEDY),
        warns=True,
    ),
    Faulty(
        TYPES,
        "properties into properties",
        lambda: chain(
            giver=peer("seed: int -> thing: int", "Giver"), taker=peer("thing: Tensor -> taken: int = 1", "Taker")
        ),
        ("giver", "taker", "thing", REMEDY),
        warns=True,
    ),
    Faulty(
        TYPES,
        "two blocks want the caller's value in two types",
        lambda: chain(first="thing: int -> one: int = 1", second="thing: str -> two: int = 2"),
        ("first", "second", "thing", REMEDY),
    ),
    Faulty(
        TYPES,
        "the loop variable",
        lambda: chain(rounds=loop(namer="i: str -> name: str = i")),
        ("rounds", "namer", "i", "str", "int"),
    ),
    Faulty(
        TYPES,
        "what select_block takes",
        lambda: chain(
            giver="seed: int -> thing: str",
            pick=choice("thing: int", "'taker' if thing > 1 else None", taker="seed: int -> taken: int = seed"),
        ),
        ("giver", "pick", "thing", REMEDY),
    ),
    Faulty(
        TYPES,
        "carried from iteration to iteration",
        lambda: chain(rounds=loop(turner="total: int, i: int -> total: str = 'a'")),
        ("turner", "total", "str", "int"),
    ),
    *[
        Faulty(
            TENSORS,
            name,
            lambda written=written, read=read: chain(**pair(written, read)),
            ("giver", "taker", "thing", REMEDY),
        )
        for name, written, read in SHAPES
    ],
    *placed(
        TENSORS,
        "colours",
        pair("Image", "Gray"),
        ("giver", "taker", "thing", "1", "3"),
        ("loop", "branch", "two deep", "choice"),
    ),
    *placed(
        TENSORS,
        "dtype",
        pair("Marks", "Image"),
        ("giver", "taker", "thing", "float", "int"),
        ("loop", "branch", "choice"),
    ),
    Faulty(
        TENSORS,
        "an unnamed tensor with a dtype",
        lambda: chain(**pair("Annotated[Tensor, Value(dtype='int')]", "Image")),
        ("giver", "taker", "thing", "int", "float"),
    ),
    Faulty(
        TENSORS,
        "carried by a loop, and another size after it",
        lambda: chain(rounds=loop(shrinker=f"row: {shaped('b 4')}, i: int -> row: {shaped('b 2')} = row")),
        ("shrinker", "row", "4", "2"),
    ),
    *placed(
        AGREE,
        "of one block",
        {**AT, "joiner": JOIN},
        ("joiner", "left", "right", "n", "3", "4"),
        ("top", "loop", "branch", "two deep", "choice"),
    ),
    Faulty(
        AGREE,
        "the caller's two tensors",
        lambda: chain(joiner=JOIN),
        ("joiner", "left", "right", "3", "4"),
        "call",
        {"left": torch.zeros(2, 3), "right": torch.zeros(2, 4)},
    ),
    Faulty(
        AGREE,
        "the caller's two batches",
        lambda: chain(joiner=f"left: {shaped('b 3')}, right: {shaped('b 4')} -> joined: int = 1"),
        ("joiner", "left", "right", "2", "5"),
        "call",
        {"left": torch.zeros(2, 3), "right": torch.zeros(5, 4)},
    ),
    Faulty(
        AGREE,
        "one of the caller's and one of a block",
        lambda: chain(giver=f"seed: int -> left: {shaped('b 3')} = torch.zeros(1, 3)", joiner=JOIN),
        ("joiner", "left", "right", "3", "4"),
        "call",
        {"seed": 1, "right": torch.zeros(1, 4)},
    ),
    *placed(
        AGREE,
        "three of one block",
        {
            "giver": f"seed: int -> left: {shaped('b 3')}, middle: {shaped('b 3 4')}",
            "joiner": f"left: {shaped('b n')}, middle: {shaped('b n n')} -> joined: int",
        },
        ("joiner", "left", "middle", "3", "4"),
        ("top", "loop", "branch"),
    ),
    Faulty(
        AGREE,
        "of two blocks",
        lambda: chain(
            left=f"seed: int -> left: {shaped('b 3')}", right=f"seed: int -> right: {shaped('b 4')}", joiner=JOIN
        ),
        ("joiner", "left", "right", "3", "4"),
    ),
    Faulty(
        AGREE,
        "in a square",
        lambda: chain(giver=f"seed: int -> thing: {shaped('3 4')}", taker=f"thing: {shaped('n n')} -> taken: int = 1"),
        ("giver", "taker", "thing", "3", "4"),
    ),
    *[
        Faulty(GIVEN, name, lambda: chain(**IMAGE), ("image", *says), "call", {"image": image})
        for name, image, says in [
            ("four channels", torch.zeros(1, 4, 2, 2), ("3", "4")),
            ("no batch", torch.zeros(3, 2, 2), ("b 3 h w",)),
            ("whole numbers", torch.zeros(1, 3, 2, 2, dtype=torch.uint8), ("float", "uint8")),
            ("yes and no", torch.zeros(1, 3, 2, 2, dtype=torch.bool), ("float", "bool")),
            ("a list", [[1.0]], ("list", "tensor")),
            ("a number", 1.0, ("float", "tensor")),
            ("text", "image.png", ("str", "tensor")),
            ("nothing", None, ("none", "tensor")),
            ("complex numbers", torch.zeros(1, 3, 2, 2, dtype=torch.complex64), ("float", "complex")),
        ]
    ],
    *placed(
        GIVEN,
        "four channels",
        IMAGE,
        ("image", "3", "4"),
        ("loop", "branch", "choice"),
        {"image": torch.zeros(1, 4, 2, 2)},
        by="call",
    ),
]
