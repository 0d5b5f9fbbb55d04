"""Random compositions with choices in them, of all kinds of blocks that a check looks at."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

from toy_blocks import Anything, Iterations, Way, Writes, block, foreign

from brickwork import (
    AutoPipelineBlocks,
    InputParam,
    LoopSequentialPipelineBlocks,
    ModularPipelineBlocks,
    OutputParam,
    SequentialPipelineBlocks,
)

VALUES = ("x", "y", "image", "image_mask", "image_masks", "way")
"""Names that blocks read and write; some are triggers, too, and two are nearly the same."""
TRIGGERS = ("a", "b", "c", "d", "e", "f", "x", "y", "image")
TYPES = (int, int, int, str)


class ByHand(LoopSequentialPipelineBlocks):
    """A loop that decides by itself what runs."""

    def __call__(self, components: Any, state: Any) -> Any: ...


class Sure(Way):
    """A choice in the run that always takes a branch."""

    default_block_name = "b0"


def composition(seed: int, choices: int = 9) -> SequentialPipelineBlocks:
    """Make the composition of a seed, with as many choices at most."""
    return _Maker(random.Random(seed), choices).sequence(random.Random(seed).randint(2, 6), depth=0)


class _Maker:
    def __init__(self, chance: random.Random, choices: int) -> None:
        self.chance = chance
        self.choices = choices

    def sequence(self, length: int, depth: int) -> SequentialPipelineBlocks:
        return SequentialPipelineBlocks.from_blocks_dict({f"b{i}": self.any(depth + 1) for i in range(length)})

    def any(self, depth: int) -> ModularPipelineBlocks:
        kind = self.chance.random()
        if depth > 4 or kind < 0.45:
            return self.leaf()
        if kind < 0.75 and self.choices > 0:
            self.choices -= 1
            return self.choice(depth)
        if kind < 0.83:
            return self.in_run(depth)
        if kind < 0.93:
            return self.loop(depth)
        return self.sequence(self.chance.randint(1, 3), depth)

    def leaf(self) -> ModularPipelineBlocks:
        kind = self.chance.random()
        if kind < 0.06:
            return Writes()
        if kind < 0.1:
            return Anything()
        reads = tuple((name, self.chance.choice(TYPES), self.need()) for name in self.names(VALUES + TRIGGERS[:3], 2))
        writes = tuple((name, self.chance.choice(TYPES)) for name in self.names(VALUES, 2))
        return _leaf(reads, writes, kind > 0.3)()

    def need(self) -> int | None:
        """None for a required input, else its default."""
        return self.chance.choice((None, 1, 1, 2))

    def names(self, among: tuple[str, ...], most: int) -> list[str]:
        return sorted(self.chance.sample(among, self.chance.randint(0, most)))

    def choice(self, depth: int) -> ModularPipelineBlocks:
        triggers: list[str | None] = [*self.chance.choices(TRIGGERS, k=self.chance.randint(1, 3))]
        triggers += [None] if self.chance.random() < 0.6 else []
        branches = [self.any(depth + 1) for _ in triggers]
        requires = {
            f"b{i}": self.names(TRIGGERS, 2)
            for i, trigger in enumerate(triggers)
            if trigger and self.chance.random() < 0.25
        }
        body = {
            "block_classes": branches,
            "block_names": [f"b{i}" for i in range(len(branches))],
            "block_trigger_inputs": triggers,
            "block_requires": requires,
            "__module__": __name__,
        }
        made: Any = type("Auto", (AutoPipelineBlocks,), body)
        return made()  # type: ignore[no-any-return]  # classes that are made so have no type

    def in_run(self, depth: int) -> ModularPipelineBlocks:
        kind = Sure if self.chance.random() < 0.4 else Way
        return kind.from_blocks_dict({f"b{i}": self.any(depth + 1) for i in range(self.chance.randint(1, 3))})

    def loop(self, depth: int) -> ModularPipelineBlocks:
        kind: Any = ByHand if self.chance.random() < 0.15 else Iterations
        made: ModularPipelineBlocks = kind.from_blocks_dict(
            {f"b{i}": self.any(depth + 1) for i in range(self.chance.randint(1, 3))}
        )
        return made


@cache
def _leaf(
    reads: tuple[tuple[str, type, int | None], ...], writes: tuple[tuple[str, type], ...], is_typed: bool
) -> type[ModularPipelineBlocks]:
    if is_typed:
        required = {name: hint for name, hint, default in reads if default is None}
        optional = {name: default for name, _, default in reads if default is not None}
        return block(required, dict(writes), **optional)
    takes: list[InputParam] = [
        InputParam(name, hint, default, required=default is None) for name, hint, default in reads
    ]
    grouped = [InputParam(kwargs_type="fields")] if len(reads) == 1 else []
    return foreign([*takes, *grouped], [OutputParam(name, hint, kwargs_type="fields") for name, hint in writes])
