"""Small blocks and what runs them, for tests of what blocks do together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from brickwork import (
    AutoPipelineBlocks,
    Block,
    ConditionalPipelineBlocks,
    InputParam,
    LoopSequentialPipelineBlocks,
    ModularPipeline,
    ModularPipelineBlocks,
    OutputParam,
    Outputs,
    SequentialPipelineBlocks,
)


def seeded(seed: int = 1) -> torch.Generator:
    """A random generator."""
    return torch.Generator().manual_seed(seed)


def chain(**blocks: Any) -> SequentialPipelineBlocks:
    """One block after another."""
    return SequentialPipelineBlocks.from_blocks_dict(blocks)


def pipeline(**blocks: Any) -> ModularPipeline:
    """A pipeline of one block after another, without a progress bar."""
    pipe = chain(**blocks).init_pipeline()
    pipe.configure(progress=False)
    return pipe


class Add(Block):
    """Add a number."""

    amount: int = 1

    class Out(Outputs):
        x: int

    def run(self, x: int) -> Out:
        return self.Out(x=x + self.amount)


class Double(Block):
    """Double the number."""

    class Out(Outputs):
        x: int

    def run(self, x: int) -> Out:
        return self.Out(x=2 * x)


class AddOne(Block):
    """Adds one to x."""

    class Out(Outputs):
        x: int

    def run(self, x: int) -> Out:
        return self.Out(x=x + 1)


class Start(Block):
    """Begins a plan that is only looked at."""

    class Out(Outputs):
        x: int
        way: str

    def run(self, seed: int, size: int = 3) -> Out: ...


class Way(ConditionalPipelineBlocks):
    """A choice by a value, in a plan that is only looked at."""

    block_trigger_inputs = ["way"]

    def select_block(self, way: str | None = None) -> str | None: ...


class Twice(LoopSequentialPipelineBlocks):
    """Two iterations."""

    class Vars(Outputs):
        i: int

    def iterate(self) -> Iterator[Vars]:
        yield from (self.Vars(i=i) for i in range(2))


class Repeat(LoopSequentialPipelineBlocks):
    """Four iterations, or as many as are given."""

    class Vars(Outputs):
        i: int

    def iterate(self, times: int = 4) -> Iterator[Vars]:
        for i in range(times):
            yield self.Vars(i=i)


class Count(LoopSequentialPipelineBlocks):
    """As many iterations as are given."""

    class Vars(Outputs):
        i: int

    def iterate(self, iterations: int) -> Iterator[Vars]:
        yield from (self.Vars(i=i) for i in range(iterations))


def block(reads: dict[str, Any] | None = None, writes: dict[str, Any] | None = None, **defaults: Any) -> type[Block]:
    """A block that reads and writes values of these types."""
    reads, writes = {**{name: type(value) for name, value in defaults.items()}, **(reads or {})}, writes or {}
    out = type("Out", (Outputs,), {"__annotations__": writes, "__module__": __name__})
    names: dict[str, Any] = {"defaults": defaults}
    given = ", ".join(f"{n}=defaults[{n!r}]" if n in defaults else n for n in sorted(reads, key=defaults.__contains__))
    exec(f"def run(self, {given}): ...", names)
    run = names["run"]
    run.__annotations__ = {**reads, "return": out if writes else None}
    run.__module__ = __name__
    body = {"run": run, "__module__": __name__, **({"Out": out} if writes else {})}
    return type("Made", (Block,), body)


class Foreign(ModularPipelineBlocks):
    """Reads and writes by hints."""

    takes: tuple[InputParam, ...] = ()
    gives: tuple[OutputParam, ...] = ()

    @property
    def inputs(self) -> list[InputParam]:
        return [*self.takes]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [*self.gives]

    def __call__(self, components: Any, state: Any) -> Any: ...


def foreign(takes: Any = (), gives: Any = ()) -> type[Foreign]:
    return type("MadeForeign", (Foreign,), {"takes": tuple(takes), "gives": tuple(gives)})


class Anything(ModularPipelineBlocks):
    """Hands its view to other code, which may write any name."""

    def __call__(self, components: Any, block_state: Any) -> Any:
        return print(block_state)  # noqa: T201 - any call


class Writes(ModularPipelineBlocks):
    """Writes one name without declaring it."""

    def __call__(self, components: Any, block_state: Any) -> Any:
        block_state.x = 1
        return components, block_state


class Iterations(LoopSequentialPipelineBlocks):
    """A loop in a plan that is only looked at."""

    class Vars(Outputs):
        i: int

    def iterate(self) -> Iterator[Vars]: ...


def auto(*triggers: str | None, **blocks: Any) -> Any:
    """A choice by inputs."""
    body = {
        "block_classes": [*blocks.values()],
        "block_names": [*blocks],
        "block_trigger_inputs": [*triggers],
        "__module__": __name__,
    }
    return type("Switch", (AutoPipelineBlocks,), body)
