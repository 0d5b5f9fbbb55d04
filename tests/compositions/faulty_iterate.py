"""Loops: `count` and `iterate` that differ, and what `iterate` yields."""

from __future__ import annotations

from typing import Any

from rows import Faulty
from toys import PLACES, chain, compiled, loop_class

COUNT = "count and iterate"


YIELDS = "what iterate yields"


ADD = "total: int, i: int -> total: int = total + i"


def rounds(text: str, code: str = "", count: str = "", **parts: Any) -> Any:
    """A composition with a loop in it."""
    return chain(rounds=loop_class(text, code, count).from_blocks_dict(chain(**(parts or {"adder": ADD})).sub_blocks))


BROKEN = [
    ("numbers", "yield from range(times)", ("rounds", "int", "Vars")),
    ("None", "yield None", ("rounds", "none", "Vars")),
    ("dicts", "yield from ({'i': i} for i in range(times))", ("rounds", "dict", "Vars")),
    ("the class", "yield self.Vars", ("rounds", "Vars", ("class", "Vars("))),
    ("tuples", "yield (0, 1)", ("rounds", "tuple", "Vars")),
    (
        "outputs of another class",
        "yield type('Other', (Outputs,), {'__annotations__': {'i': int}})(i=1)",
        ("rounds", "Other", "Vars"),
    ),
    ("variables without a value", "yield self.Vars()", ("rounds", "i")),
    ("a variable that is not declared", "yield self.Vars(i=1, j=2)", ("rounds", "j", "i")),
    ("text for a number", "yield self.Vars(i='1')", ("rounds", "i", "int", "str")),
    ("a list and no generator", "return [1, 2]", ("rounds", "int", "Vars")),
    ("nothing", "return None", ("rounds", "none", ("yield", "iterate"))),
    ("a number", "return times", ("rounds", "int", ("yield", "iterate"))),
]


def _source(body: str) -> str:
    return f'class Rounds(LoopSequentialPipelineBlocks):\n    """Repeat."""\n\n{body}\n'


_VARS = "    class Vars(Outputs):\n        i: int\n\n"


BARE = [
    ("no iterate", _VARS, ("rounds", "iterate")),
    ("no Vars", "    def iterate(self, times: int):\n        yield None\n", ("rounds", "Vars")),
    (
        "no annotations",
        _VARS + "    def iterate(self, times) -> Iterator[Vars]:\n        yield self.Vars(i=1)\n",
        ("rounds", "times", "annotat"),
    ),
    (
        "Vars of another base",
        "    class Vars:\n        i: int\n\n    def iterate(self, times: int) -> Iterator[Vars]:\n        yield self.Vars()\n",
        ("rounds", "Vars", "Outputs"),
    ),
    (
        "Vars without a type",
        "    class Vars(Outputs):\n        i = 0\n\n    def iterate(self, times: int) -> Iterator[Vars]:\n        yield self.Vars()\n",
        ("rounds", "i", ("annotat", "type")),
    ),
]


ROWS = [
    *[
        Faulty(
            COUNT,
            name,
            lambda text=text, count=count: rounds(text, "yield from (self.Vars(i=i) for i in range(3))", count),
            ("rounds", *says),
            warns=True,
        )
        for name, text, count, says in [
            ("another name", "times: int -> i: int", "tiems: int", ("count", "tiems", "times")),
            ("a name that nobody gives", "times: int -> i: int", "steps: int", ("count", "steps")),
            ("another type", "times: int -> i: int", "times: str", ("count", "times", "int", "str")),
            ("another default", "times: int = 3 -> i: int", "times: int = 4", ("count", "times", "3", "4")),
            ("a default for what is required", "times: int -> i: int", "times: int = 4", ("count", "times", "4")),
            ("what only the body makes", "times: int -> i: int", "total: str", ("count", "total")),
            ("no annotation", "times: int -> i: int", "times", ("count", "times", "annotat")),
            ("one more", "times: int -> i: int", "times: int, skipped: int", ("count", "skipped")),
        ]
    ],
    Faulty(
        COUNT,
        "another name, in a branch",
        lambda: PLACES["branch"][0](
            again=loop_class("times: int -> i: int", count="tiems: int").from_blocks_dict(chain(adder=ADD).sub_blocks)
        ),
        ("again", "count", "tiems"),
        warns=True,
    ),
    *[
        Faulty(
            COUNT,
            name,
            lambda expression=expression: chain(
                rounds=compiled(
                    "Rounds",
                    _source(
                        _VARS
                        + "    def iterate(self, times: int) -> Iterator[Vars]:\n        yield from (self.Vars(i=i) for i in range(times))\n\n    def count(self, times: int) -> int:\n        return "
                        + expression
                    ),
                ).from_blocks_dict(chain(adder=ADD).sub_blocks)
            ),
            ("rounds", "count", *says),
            "run",
            {"times": 2, "total": 0},
        )
        for name, expression, says in [
            ("gives text", "'two'", ("str", "int")),
            ("gives a fraction", "times / 2", ("float", "int")),
            ("gives a negative number", "-1", ("-1",)),
        ]
    ],
    *[
        Faulty(
            YIELDS, name, lambda code=code: rounds("times: int -> i: int", code), says, "run", {"times": 2, "total": 0}
        )
        for name, code, says in BROKEN
    ],
    *[
        Faulty(
            YIELDS,
            name,
            lambda body=body: compiled("Rounds", _source(body)).from_blocks_dict(chain(adder=ADD).sub_blocks),
            says,
        )
        for name, body, says in BARE
    ],
    Faulty(
        YIELDS,
        "iterate on a block",
        lambda: compiled(
            "Rounds", _source(_VARS + "    def run(self, i: int) -> Vars:\n        return self.Vars(i=i)\n")
        ),
        ("rounds", "iterate"),
        "class",
    ),
]
