"""Random scopes in scopes and loops give what the rule of scopes, written down in a few lines of Python, gives."""

from __future__ import annotations

import random
from typing import Any

import pytest
from attrs import frozen
from toy_blocks import Twice

from brickwork import Block, MemoryCache, Outputs, Scope, SequentialPipelineBlocks, Snapshot, Snapshots

NAMES = ("a", "b", "c", "d")
Values = dict[str, int]


@frozen
class Leaf:
    """Writes a number, made of what it reads, under one or two names."""

    number: int
    reads: tuple[str, ...]
    writes: tuple[str, ...]

    def block(self) -> Any:
        parameters = ", ".join(f"{name}: int = 0" for name in self.reads)
        total = " + ".join(["number", *(f"{3 + at} * {name}" for at, name in enumerate(self.reads))])
        values = ", ".join(f"{name}=({total}) % 10007" for name in self.writes)
        known: dict[str, Any] = {"number": self.number}
        exec(f"def run(self, {parameters}): return self.Out({values})", known)
        out = type("Out", (Outputs,), {"__annotations__": dict.fromkeys(self.writes, int), "__module__": __name__})
        known["run"].__annotations__ = {**dict.fromkeys(self.reads, int), "return": out}
        known["run"].__module__ = __name__
        return type(f"Leaf{self.number}", (Block,), {"run": known["run"], "Out": out, "__module__": __name__})()

    def run(self, values: Values) -> None:
        total = self.number + sum((3 + at) * values.get(name, 0) for at, name in enumerate(self.reads))
        values.update(dict.fromkeys(self.writes, total % 10007))


@frozen
class Loop:
    """Two iterations."""

    parts: tuple[Any, ...]

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(name for part in self.parts for name in part.reads)

    @property
    def writes(self) -> tuple[str, ...]:
        return ("i", *(name for part in self.parts for name in part.writes))

    def block(self) -> Any:
        return Twice.from_blocks_dict({f"p{at}": part.block() for at, part in enumerate(self.parts)})

    def run(self, values: Values) -> None:
        before = values.get("i")
        for i in range(2):
            values["i"] = i
            for part in self.parts:
                part.run(values)
        values.pop("i")
        if before is not None:
            values["i"] = before


@frozen
class Inner:
    """A scope."""

    parts: tuple[Any, ...]
    inputs: dict[str, str]
    outputs: dict[str, str]

    @property
    def written(self) -> set[str]:
        return {name for part in self.parts for name in part.writes}

    @property
    def reads(self) -> tuple[str, ...]:
        read = {name for part in self.parts for name in part.reads}
        return (*self.inputs.values(), *sorted(read - self.written - self.inputs.keys()))

    @property
    def writes(self) -> tuple[str, ...]:
        return tuple(self.outputs.values())

    def block(self) -> Any:
        blocks = {f"p{at}": part.block() for at, part in enumerate(self.parts)}
        return Scope.from_blocks_dict(blocks, inputs=self.inputs, outputs=self.outputs)

    def run(self, values: Values) -> None:
        own = {n: v for n, v in values.items() if n not in self.written and n not in self.inputs}
        own |= {name: values[outside] for name, outside in self.inputs.items() if outside in values}
        for part in self.parts:
            part.run(own)
        values.update({outside: own[name] for name, outside in self.outputs.items() if name in own})


def some(chance: random.Random, depth: int, in_loop: bool = False, may_loop: bool = True) -> Any:
    # A loop within a loop only in a scope, where its variable is another one.
    kind = chance.choice(["leaf", "scope", "scope", *(["loop"] if may_loop else [])]) if depth else "leaf"
    if kind == "leaf":
        reads = chance.sample([*NAMES, *(["i"] if in_loop else [])], chance.randint(1, 2))
        return Leaf(chance.randrange(1000), tuple(reads), tuple(chance.sample(NAMES, chance.randint(1, 2))))
    is_loop = kind == "loop"
    parts = tuple(some(chance, depth - 1, in_loop or is_loop, not is_loop) for _ in range(chance.randint(1, 2)))
    if kind == "loop":
        return Loop(parts)
    read = sorted({name for part in parts for name in part.reads} - {"i"})
    written = sorted({name for part in parts for name in part.writes} - {"i"})
    let_in = {name: chance.choice(NAMES) for name in read if chance.random() < 0.6}
    outside = chance.sample(NAMES, len(NAMES))
    let_out = {name: outside.pop() for name in written if chance.random() < 0.8} or {written[0]: outside.pop()}
    return Inner(parts, let_in, let_out)


@pytest.mark.parametrize("seed", range(4))
def test_random_scopes_follow_the_rule(seed: int, many: int) -> None:
    for case in range(5 * many):
        chance = random.Random(1000 * seed + case)
        parts = [some(chance, 3) for _ in range(3)]
        blocks = {f"p{at}": part.block() for at, part in enumerate(parts)}
        pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline()
        known = sorted(set(pipe.blocks.input_names))
        given = {name: chance.randrange(100) for name in known if chance.random() < 0.7}
        expected: Values = dict(given)
        for part in parts:
            part.run(expected)
        found: list[Snapshot] = []
        pipe.configure(progress=False, cache=MemoryCache(), snapshots=Snapshots(found.append, every=1, after="blocks"))
        assert pipe(**given).values == expected, (seed, case)
        pipe.configure(snapshots=None)
        assert pipe(**given).values == expected, (seed, case)
        assert pipe.resume(chance.choice(found)).values == expected, (seed, case)
        asked = [name for name in NAMES if name in expected]
        assert pipe(**given, output=asked) == {name: expected[name] for name in asked}
