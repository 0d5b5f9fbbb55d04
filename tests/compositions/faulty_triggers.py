"""Triggers, branches that nobody reaches, and `block_requires`."""

from __future__ import annotations

from typing import Any

from rows import Faulty, placed
from toys import PLACES, auto, chain, loop, peers

TRIGGERS = "triggers"


REACHED = "branches that nobody reaches"


REQUIRES = "block_requires"


WARM = "x: int -> warmed: int = x"


def switched(*triggers: Any, **how: Any) -> Any:
    """A choice by inputs of two blocks."""
    return chain(
        switch=auto(
            list(triggers), **how, warm="hot: int -> warmed: int = hot", cool="cold: int = 0 -> cooled: int = cold"
        )
    )


ROWS = [
    Faulty(TRIGGERS, "that no block reads", lambda: switched("heat", None), ("switch", "heat", "hot"), warns=True),
    *placed(
        TRIGGERS,
        "that no block reads",
        lambda: {"switch": auto(["heat", None], warm="hot: int = 1 -> warmed: int = hot", cool="-> cooled: int = 0")},
        ("switch", "heat"),
        ("loop", "branch", "two deep", "choice"),
        warns=True,
    ),
    Faulty(
        TRIGGERS,
        "misspelt",
        lambda: chain(
            switch=auto(["imgae", None], given="image: int -> framed: int = image", drawn="-> framed: int = 0")
        ),
        ("switch", "imgae", "image"),
        warns=True,
    ),
    Faulty(
        TRIGGERS,
        "misspelt, as properties",
        lambda: chain(
            switch=auto(["imgae", None], **peers({"given": "image: int -> framed: int", "drawn": "-> framed: int"}))
        ),
        ("switch", "imgae", "image"),
        warns=True,
    ),
    Faulty(
        TRIGGERS,
        "misspelt, in a nested choice",
        lambda: chain(
            outer=auto(
                ["mask", None],
                inner=auto(["imgae"], given="image: int, mask: int -> framed: int = image"),
                drawn="-> framed: int = 0",
            )
        ),
        ("inner", "imgae", "image"),
        warns=True,
    ),
    Faulty(
        TRIGGERS,
        "that a block of the branch writes itself",
        lambda: chain(
            switch=auto(["warmed", None], warm="hot: int = 1 -> warmed: int = hot", cool="-> cooled: int = 0")
        ),
        ("switch", "warmed"),
        warns=True,
    ),
    Faulty(TRIGGERS, "a number", lambda: switched(1, None), ("switch", "block_trigger_inputs", "1")),
    Faulty(TRIGGERS, "the name of a block", lambda: switched("warm", None), ("switch", "'warm'", "hot"), warns=True),
    Faulty(TRIGGERS, "unknown at the call", lambda: switched("hot", None), ("hto", "hot"), "call", {"hto": 1}),
    Faulty(
        TRIGGERS,
        "of both branches at the call",
        lambda: chain(
            switch=auto(["hot", "cold"], warm="hot: int -> warmed: int = hot", cool="cold: int -> cooled: int = cold")
        ),
        ("cold", ("not read", "no input", "unused", "takes no", "read by no", "leave it out")),
        "call",
        {"hot": 1, "cold": 1},
    ),
    Faulty(
        TRIGGERS,
        "unknown in workflow_map",
        lambda: type(
            "Flow",
            (type(chain(a=WARM)),),
            {
                "__doc__": "Flow.",
                "block_classes": [auto(["hot", None], warm="hot: int -> warmed: int = hot", cool="-> warmed: int = 0")],
                "block_names": ["switch"],
                "workflow_map": {"hot": ("hto",)},
            },
        ),
        ("hto", "hot", ("workflow_map", "workflow")),
    ),
    Faulty(REACHED, "two of one trigger", lambda: switched("hot", "hot"), ("switch", "cool", "hot"), warns=True),
    *placed(
        REACHED,
        "two of one trigger",
        lambda: {
            "switch": auto(["hot", "hot"], warm="hot: int -> warmed: int = hot", cool="hot: int -> cooled: int = hot")
        },
        ("switch", "cool", "hot"),
        ("loop", "branch", "two deep", "choice"),
        warns=True,
    ),
    Faulty(
        REACHED,
        "behind the same trigger outside",
        lambda: chain(
            outer=auto(
                ["hot", None],
                inner=auto(["hot", None], warm="hot: int -> warmed: int = hot", cool="-> cooled: int = 0"),
                rest="-> rested: int",
            )
        ),
        ("inner", "cool"),
        warns=True,
    ),
    Faulty(
        REACHED,
        "a trigger that an earlier branch has taken",
        lambda: chain(
            outer=auto(
                ["hot", None],
                warm="hot: int -> warmed: int = hot",
                inner=auto(["hot", None], warm="hot: int -> warmed: int = hot", cool="-> cooled: int = 0"),
            )
        ),
        ("inner", "warm", "hot"),
        warns=True,
    ),
    Faulty(
        REACHED,
        "a required input always leads to the first",
        lambda: chain(taker="x: int -> taken: int = x", switch=auto(["x", None], warm=WARM, cool="-> cooled: int = 0")),
        ("switch", "cool", "x"),
        warns=True,
    ),
    Faulty(
        REACHED,
        "an earlier block always gives the trigger",
        lambda: chain(
            giver="seed: int -> hot: int = seed",
            switch=auto(["hot", None], warm="hot: int -> warmed: int = hot", cool="-> cooled: int = 0"),
        ),
        ("switch", "hot"),
        warns=True,
    ),
    Faulty(
        REACHED,
        "behind a loop that gives the trigger",
        lambda: chain(
            rounds=loop(giver="i: int -> hot: int = i"),
            switch=auto(["hot", None], warm="hot: int -> warmed: int = hot", cool="-> cooled: int = 0"),
        ),
        ("switch", "hot"),
        warns=True,
    ),
    Faulty(
        REACHED,
        "three of one trigger",
        lambda: chain(
            switch=auto(
                ["hot", "cold", "hot"],
                warm="hot: int -> warmed: int = hot",
                cool="cold: int -> cooled: int = cold",
                hotter="hot: int -> boiled: int = hot",
            )
        ),
        ("switch", "hotter", "hot"),
        warns=True,
    ),
    Faulty(
        REACHED,
        "an empty branch",
        lambda: chain(switch=auto(["hot", None], warm="hot: int -> warmed: int = hot", cool=chain())),
        ("switch", "cool", "empty"),
    ),
    *[
        Faulty(REQUIRES, name, lambda requires=requires: switched("hot", None, requires=requires), ("switch", *says))
        for name, requires, says in [
            ("an unknown branch", {"wram": ["cold"]}, ("wram", "warm")),
            ("an unknown input", {"warm": ["colder"]}, ("warm", "colder")),
            ("text for a list", {"warm": "cold"}, ("warm", "cold", ("list", "tuple"))),
            ("a number", {"warm": 3}, ("warm", "3", ("list", "tuple"))),
            ("a list for a dict", ["cold"], ("block_requires", ("dict", "mapping"))),
            ("of the trigger of another name", {"warm": ["hto"]}, ("warm", "hto", "hot")),
        ]
    ],
    *[
        Faulty(
            REQUIRES,
            f"not given, {place}",
            lambda place=place: PLACES[place][0](
                switch=auto(
                    ["mask", None],
                    {"inpaint": ["image"]},
                    inpaint="mask: int, image: int = 0 -> drawn: int = mask",
                    draw="-> drawn: int = 0",
                )
            ),
            ("mask", "image", "inpaint"),
            "run" if place == "choice" else "call",
            {"mask": 1, **PLACES[place][1]},
        )
        for place in PLACES
    ],
    Faulty(
        REQUIRES,
        "None",
        lambda: chain(
            switch=auto(
                ["mask", None],
                {"inpaint": ["image"]},
                inpaint="mask: int, image: int = 0 -> drawn: int = mask",
                draw="-> drawn: int = 0",
            )
        ),
        ("mask", "image"),
        "call",
        {"mask": 1, "image": None},
    ),
]
