"""Defaults: those that conflict, of values and of configs, and those that are not of their type; bounds; values at the call."""

from __future__ import annotations

import torch
from rows import Faulty, placed
from toys import auto, block, chain, choice, loop, peer, peers

from brickwork import Value

DEFAULTS = "conflicting defaults"
CONFIGS = "one config, two defaults"
OWN = "defaults that are not of their type"
BOUNDS = "bounds and values declared wrongly"
GIVEN = "values at the call"
SAME = ("same", "rename", "one default")

_TWO = {"lamp": "x: int, light: float = 0.25 -> lit: int = x", "torch": "x: int, light: float = 0.5 -> burnt: int = x"}
_CONFIG = {
    "lamp": "[strong: bool = config(True)] x: int -> lit: int = x",
    "torch": "[strong: bool = config(False)] x: int -> burnt: int = x",
}
_BOTH = ("lamp", "torch", "light", "0.25", "0.5", SAME)

ROWS = [
    *placed(DEFAULTS, "of two blocks", _TWO, _BOTH, ("top", "loop", "branch", "two deep", "choice")),
    *placed(DEFAULTS, "as properties", lambda: peers(_TWO), _BOTH, ("top", "branch", "two deep", "choice"), warns=True),
    Faulty(
        DEFAULTS,
        "None and a number",
        lambda: chain(lamp="x: int, light: float | None = None -> lit: int = x", torch=_TWO["torch"]),
        ("lamp", "torch", "light", "none", "0.5"),
    ),
    Faulty(
        DEFAULTS,
        "of a loop and a block in it",
        lambda: chain(rounds=loop("times: int = 3 -> i: int", adder="i: int, times: int = 4 -> total: int = i")),
        ("rounds", "adder", "times", "3", "4"),
    ),
    Faulty(
        DEFAULTS,
        "of a branch and a later block",
        lambda: chain(switch=auto(["x"], lamp=_TWO["lamp"]), torch="y: int, light: float = 0.5 -> burnt: int = y"),
        ("lamp", "torch", "light", "0.25", "0.5"),
    ),
    Faulty(
        DEFAULTS,
        "of a choice by values and a block in it",
        lambda: chain(pick=choice("light: float = 0.9", "'lamp' if light > 0.5 else None", lamp=_TWO["lamp"])),
        ("pick", "lamp", "light", "0.25", "0.9"),
    ),
    Faulty(
        DEFAULTS,
        "a signature and properties",
        lambda: chain(lamp=_TWO["lamp"], torch=peer(_TWO["torch"], "Torch")),
        _BOTH,
        warns=True,
    ),
    *placed(
        CONFIGS,
        "of two blocks",
        _CONFIG,
        ("lamp", "torch", "strong", "true", "false"),
        ("top", "loop", "branch", "two deep", "choice"),
    ),
    *placed(
        CONFIGS,
        "as properties",
        lambda: peers(_CONFIG),
        ("lamp", "torch", "strong", "true", "false"),
        ("top", "branch", "two deep", "choice"),
        warns=True,
    ),
    Faulty(
        CONFIGS,
        "a signature and properties",
        lambda: chain(lamp=_CONFIG["lamp"], torch=peer(_CONFIG["torch"], "Torch")),
        ("lamp", "torch", "strong"),
        warns=True,
    ),
    Faulty(
        CONFIGS,
        "of two types",
        lambda: chain(lamp=_CONFIG["lamp"], torch="[strong: int = config(3)] x: int -> burnt: int = x"),
        ("lamp", "torch", "strong", "true", "3"),
    ),
    Faulty(
        CONFIGS,
        "in two branches",
        lambda: chain(
            switch=auto(["x", None], lamp=_CONFIG["lamp"], torch="[strong: bool = config(False)] -> burnt: int")
        ),
        ("lamp", "torch", "strong"),
    ),
    *[
        Faulty(OWN, read, lambda read=read: block(f"{read} -> done: int = 1", "Doer"), ("doer", *says), "class")
        for read, says in [
            ("light: float = 'much'", ("light", "much", "float")),
            ("size: int = 0.5", ("size", "0.5", "int")),
            ("label: str = 3", ("label", "3", "str")),
            ("form: Literal['round', 'square'] = 'flat'", ("form", "flat", "round")),
            ("image: Tensor = 3", ("image", "3", "tensor")),
            ("light: Fraction = 1.5", ("light", "1.5", "1")),
            ("flag: bool = 'no'", ("flag", "no", "bool")),
            ("sizes: list[int] = 3", ("sizes", "3", "list")),
            ("sizes: tuple[int, int] = (1, 2, 3)", ("sizes", "tuple")),
            ("label: str | None = 3", ("label", "3", "str")),
        ]
    ],
    # Much code that runs says so, and is opened from repositories of others.
    Faulty(
        OWN,
        "size: int = None",
        lambda: chain(doer=block("size: int = None -> done: int = 1", "Doer")),
        ("doer", "size", "none", "int"),
        warns=True,
    ),
    Faulty(
        OWN,
        "an option",
        lambda: block("[axis: int = 'wide'] x: int -> y: int = x", "Doer"),
        ("doer", "axis", "wide", "int"),
        "class",
    ),
    Faulty(
        OWN,
        "an option of an instance",
        lambda: chain(doer=block("[axis: int = 1] x: int -> y: int = x", "Doer")(axis="wide")),
        ("doer", "axis", "wide", "int"),
    ),
    Faulty(
        OWN,
        "an option that there is not",
        lambda: chain(doer=block("[axis: int = 1] x: int -> y: int = x", "Doer")(axsi=2)),
        ("doer", "axsi", "axis"),
    ),
    Faulty(
        OWN,
        "a config",
        lambda: block("[strong: bool = config('yes')] x: int -> y: int = x", "Doer"),
        ("doer", "strong", "yes", "bool"),
        "class",
    ),
    Faulty(
        OWN,
        "of iterate",
        lambda: loop("times: int = 'often' -> i: int", doer="i: int -> y: int = i"),
        ("rounds", "times", "often", "int"),
    ),
    Faulty(
        OWN,
        "properties",
        lambda: chain(doer=peer("light: float = 'much' -> done: int = 1", "Doer")),
        ("doer", "light", "much", "float"),
        warns=True,
    ),
    Faulty(
        OWN,
        "properties, None",
        lambda: chain(doer=peer("size: int = 0.5 -> done: int = 1", "Doer")),
        ("doer", "size", "0.5", "int"),
        warns=True,
    ),
    Faulty(BOUNDS, "low above high", lambda: Value(low=2, high=1), ("low", "high", "2", "1"), "class"),
    Faulty(
        BOUNDS,
        "low above high, in a block",
        lambda: block("x: Annotated[float, Value(low=2, high=1)] -> y: int", "Doer"),
        ("low", "high", "2", "1"),
        "class",
    ),
    Faulty(BOUNDS, "low is text", lambda: Value(low="0"), ("low", "'0'"), "class"),
    Faulty(BOUNDS, "high is NaN", lambda: Value(high=float("nan")), ("high", "nan"), "class"),
    Faulty(
        BOUNDS, "an open interval of nothing", lambda: Value(low=1, high=1, open=True), ("low", "high", "open"), "class"
    ),
    Faulty(BOUNDS, "an unknown dtype", lambda: Value(dtype="half"), ("dtype", "half", "float"), "class"),
    Faulty(BOUNDS, "a dtype of torch", lambda: Value("b c", dtype=torch.float32), ("dtype", "float"), "class"),
    Faulty(BOUNDS, "a shape that is a number", lambda: Value(3), ("shape", "3"), "class"),
    Faulty(BOUNDS, "a shape that is a tuple", lambda: Value(("b", "c")), ("shape",), "class"),
    Faulty(BOUNDS, "a negative dimension", lambda: Value("b -3 h"), ("shape", "-3"), "class"),
    Faulty(BOUNDS, "a dimension that is no name", lambda: Value("b ? h"), ("shape", "?"), "class"),
    Faulty(
        BOUNDS,
        "a shape for a number",
        lambda: block("x: Annotated[int, Value('b c')] -> y: int = 1", "Doer"),
        ("doer", "x", "b c", "int"),
        "class",
    ),
    Faulty(
        BOUNDS,
        "bounds for text",
        lambda: block("x: Annotated[str, Value(low=0)] -> y: int = 1", "Doer"),
        ("doer", "x", "low", "str"),
        "class",
    ),
    Faulty(BOUNDS, "the doc in place of the shape", lambda: Value("The size of the image."), ("shape", "doc"), "class"),
    *[
        Faulty(GIVEN, name, lambda read=read: chain(doer=f"{read} -> done: int = 1"), says, "call", call)
        for name, read, call, says in [
            ("None into int", "size: int", {"size": None}, ("size", "none", "int")),
            ("text into Literal", "form: Literal['round', 'square']", {"form": "sqare"}, ("form", "sqare", "square")),
            ("text in capitals into Literal", "form: Literal['pil', 'np']", {"form": "PIL"}, ("form", "PIL", "'pil'")),
            ("text into float", "light: float", {"light": "0.5"}, ("light", "0.5", "float")),
            ("fraction into int", "size: int", {"size": 2.5}, ("size", "2.5", "int")),
            ("yes into int", "size: int", {"size": True}, ("size", "true", "int")),
            ("out of bounds", "light: Fraction", {"light": 1.5}, ("light", "1.5", "0", "1")),
            ("NaN", "light: Fraction", {"light": float("nan")}, ("light", "nan", "0", "1")),
            ("infinite", "light: Scale", {"light": float("inf")}, ("light", "inf", "10")),
            ("an open bound", "light: Scale", {"light": 0.0}, ("light", "0", "10")),
            ("text into list", "sizes: list[int]", {"sizes": "3"}, ("sizes", "'3'", "list")),
            ("a list with text in it", "sizes: list[int]", {"sizes": [1, "2"]}, ("sizes", "2", "int")),
            ("too many", "sizes: tuple[int, int]", {"sizes": (1, 2, 3)}, ("sizes", "tuple")),
            ("an input that there is not", "size: int = 1", {"szie": 2}, ("szie", "size")),
            ("a class for its object", "net: Net", {"net": dict}, ("net", "dict")),
        ]
    ],
    *placed(
        GIVEN,
        "None into int",
        {"doer": "size: int -> done: int = 1"},
        ("size", "none", "int"),
        ("loop", "branch", "choice"),
        {"size": None},
        by="call",
    ),
]
