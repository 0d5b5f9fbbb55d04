"""Choices by values without what they need, and values that one branch alone writes."""

from __future__ import annotations

from typing import Any

from rows import Faulty
from toys import PLACES, auto, chain, choice, compiled, made, peers

from brickwork import AutoPipelineBlocks, ConditionalPipelineBlocks

SELECT = "select_block"


ONE = "written in one branch alone"


WARM = "x: int -> warmed: int = x"


COOL = "x: int -> cooled: int = x"


TAKER = "warmed: int -> taken: int = warmed"


def conditional(body: str = "", **fields: Any) -> Any:
    """A choice by values of two blocks, with its fields as they are given."""
    source = 'class Pick(ConditionalPipelineBlocks):\n    """Choose in the run."""\n\n'
    kind = compiled("Pick", source + (body or "    pass\n"))
    parts = made({"warm": WARM, "cool": COOL})
    fields = {"block_classes": list(parts.values()), "block_names": list(parts), **fields}
    kind = type("Pick", (kind,), {"__doc__": "Choose in the run.", "__module__": __name__, **fields})
    return chain(pick=kind())


def picked(value: str, default: str | None = None) -> Any:
    """A choice by `x` that gives the value of an expression."""
    return chain(pick=choice("x: int", value, default, warm=WARM, cool=COOL))


def fields(base: Any, **given: Any) -> Any:
    """A choice by inputs, with its fields as they are given."""
    parts = made({"warm": WARM, "cool": COOL})
    given = {"block_classes": list(parts.values()), "block_names": list(parts), **given}
    return chain(switch=type("Switch", (base,), {"__doc__": "Choose.", "__module__": __name__, **given})())


LATER = {
    "by an input": lambda: auto(["hot", None], warm="hot: int -> warmed: int = hot", cool="-> cooled: int = 0"),
    "by an input, no default": lambda: auto(["hot"], warm="hot: int -> warmed: int = hot"),
    "by a value": lambda: choice("mode: str", "mode", warm=WARM, cool=COOL),
    "by a value, or none": lambda: choice("mode: str", "'warm' if mode else None", warm=WARM),
}


_ONE_CALLS: dict[str, dict[str, Any]] = {
    "by an input": {},
    "by an input, no default": {},
    "by a value": {"mode": "cool", "x": 1},
    "by a value, or none": {"mode": "", "x": 1},
}


def _one(place: str, how: str) -> Faulty:
    return Faulty(
        ONE,
        f"{how}, {place}",
        lambda: PLACES[place][0](chooser=LATER[how](), taker=TAKER),
        ("taker", "warmed", "chooser"),
        "run" if "value" in how or place == "choice" else "call",
        {**_ONE_CALLS[how], **PLACES[place][1]},
        warns=True,
    )


ROWS = [
    Faulty(SELECT, "there is none", conditional, ("pick", "select_block")),
    Faulty(
        SELECT,
        "there is none, with triggers",
        lambda: conditional(block_trigger_inputs=["x"]),
        ("pick", "select_block"),
    ),
    *[
        Faulty(
            SELECT,
            f"there is none, {place}",
            lambda place=place: PLACES[place][0](inner=conditional(block_trigger_inputs=["x"])),
            ("pick", "select_block"),
        )
        for place in ("loop", "branch", "two deep", "choice")
    ],
    Faulty(SELECT, "an unknown default", lambda: picked("None", "wram"), ("pick", "wram", "warm")),
    Faulty(
        SELECT, "an unknown default, two deep", lambda: chain(outer=picked("None", "wram")), ("pick", "wram", "warm")
    ),
    Faulty(
        SELECT,
        "a default that is a class",
        lambda: conditional(
            "    def select_block(self, x):\n        return None\n",
            block_trigger_inputs=["x"],
            default_block_name=ConditionalPipelineBlocks,
        ),
        ("pick", "default_block_name", "warm"),
    ),
    Faulty(
        SELECT,
        "reads what is no trigger",
        lambda: conditional(
            "    def select_block(self, heat: int):\n        return 'warm'\n", block_trigger_inputs=["x"]
        ),
        ("pick", "heat", "block_trigger_inputs"),
    ),
    Faulty(
        SELECT,
        "does not read a trigger",
        lambda: conditional(
            "    def select_block(self, x: int):\n        return 'warm'\n", block_trigger_inputs=["x", "heat"]
        ),
        ("pick", "heat", "select_block"),
    ),
    Faulty(
        SELECT,
        "reads what nobody gives",
        lambda: chain(pick=choice("heat: int", "'warm' if heat > 3 else None", warm=WARM)),
        ("pick", "heat", "pass"),
        "call",
        {"x": 1},
    ),
    Faulty(
        SELECT,
        "reads what a later block writes",
        lambda: chain(
            pick=choice("heat: int", "'warm' if heat > 3 else None", warm=WARM), heater="x: int -> heat: int = x"
        ),
        ("pick", "heat", "heater"),
        "call",
        {"x": 1},
        warns=True,
    ),
    *[
        Faulty(SELECT, f"gives {name}", lambda value=value: picked(value), ("pick", *says), "run", {"x": 1})
        for name, value, says in [
            ("an unknown name", "'wram'", ("wram", "warm")),
            ("a number", "1", ("1", "warm")),
            ("yes", "x > 0", ("true", "warm")),
            ("a list", "['warm']", ("list", "warm")),
        ]
    ],
    *[
        Faulty(SELECT, name, lambda given=given: fields(AutoPipelineBlocks, **given), ("switch", *says))
        for name, given, says in [
            ("a name too few", {"block_names": ["warm"], "block_trigger_inputs": ["x", None]}, ("block_names",)),
            ("a trigger too few", {"block_trigger_inputs": ["x"]}, ("block_trigger_inputs",)),
            (
                "a name twice",
                {"block_names": ["warm", "warm"], "block_trigger_inputs": ["x", None]},
                ("warm", ("twice", "two", "unique", "once")),
            ),
            ("no triggers", {}, ("block_trigger_inputs",)),
            ("a trigger that is a list", {"block_trigger_inputs": [["x"], None]}, ("block_trigger_inputs", "list")),
            ("a default that is not last", {"block_trigger_inputs": [None, "x"]}, (("none", "default"), "last")),
            ("two defaults", {"block_trigger_inputs": [None, None]}, (("none", "default"), "last")),
        ]
    ],
    *[_one(place, how) for how in LATER for place in ("top", "two deep", "branch")],
    *[_one("loop", how) for how in ("by an input", "by a value")],
    Faulty(
        ONE,
        "of three branches two",
        lambda: chain(
            chooser=auto(
                ["hot", "cold", None],
                warm="hot: int -> warmed: int = hot",
                cool="cold: int -> warmed: int = cold",
                rest="-> rested: int",
            ),
            taker=TAKER,
        ),
        ("taker", "warmed", "chooser"),
        "call",
        warns=True,
    ),
    Faulty(
        ONE,
        "as properties",
        lambda: chain(
            chooser=auto(["hot", None], **peers({"warm": "hot: int -> warmed: int", "cool": "-> cooled: int"})),
            **peers({"taker": TAKER}),
        ),
        ("taker", "warmed", "chooser"),
        "call",
        warns=True,
    ),
]
