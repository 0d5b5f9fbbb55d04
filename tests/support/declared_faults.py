"""Blocks that do otherwise than they declare, and run: an input that nothing reads, an output that nothing writes; and what shows elsewhere only.

Each faulty block names the check that finds it, and words of what is said, as in `faulty_blocks`; right ones that look alike are beside them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from torch import Tensor

from brickwork import Block, Fault, InputParam, ModularPipelineBlocks, OutputParam, Outputs, Value
from brickwork.state.vocabulary import Latents


class Makes(Block):
    """Reads and writes latents; not that of `faulty_blocks`, because what is saved takes its own file along, and no other."""

    _is_framework_base = True

    class Out(Outputs):
        latents: Latents

    def run(self, latents: Latents) -> Out:
        return self.Out(latents=latents)


class IgnoresAnInput(Makes):
    def run(self, latents: Latents, sharpness: float = 1.0) -> Makes.Out:
        return self.Out(latents=latents * 2)


class ThrowsAnInputAway(Makes):
    """What is deleted is not read."""

    def run(self, latents: Latents, sharpness: float | None = None) -> Makes.Out:
        del sharpness
        return self.Out(latents=latents * self.family_factor(sharpness=3))

    def family_factor(self, sharpness: int) -> int:
        return sharpness


class ForeignIgnoresAnInput(ModularPipelineBlocks):
    description = "Declares an input more than it reads."
    inputs = [InputParam("x", type_hint=float, required=True), InputParam("sharpness", type_hint=float)]
    intermediate_outputs = [OutputParam("half", type_hint=float)]

    def __call__(self, components: Any, state: Any) -> Any:
        block_state = self.get_block_state(state)
        block_state.half = block_state.x / 2
        self.set_block_state(state, block_state)
        return components, state


class NeverWrites(Block):
    class Out(Outputs):
        latents: Latents
        spread: float | None = None

    def run(self, latents: Latents) -> Out:
        return self.Out(latents=latents * 2)


class TurnsFloat32(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents.float() * 2)


class ByTheOrderOfASet(Block):
    class Out(Outputs):
        text: str

    def run(self, names: list[str]) -> Out:
        return self.Out(text=", ".join({*names, "and others"}))


class OnlyContiguous(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents.view(len(latents), -1).mul(2).view(latents.shape))


class UsesWhatWillGo(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=old_double(latents))


def old_double(x: Tensor) -> Tensor:
    warnings.warn("old_double goes in 2.0; use x * 2", FutureWarning, stacklevel=2)
    return x * 2


FAULTY: dict[Any, tuple[str, str]] = {
    IgnoresAnInput: ("inputs", "declares the input 'sharpness', which it does not read"),
    ThrowsAnInputAway: ("inputs", "declares the input 'sharpness', which it does not read"),
    ForeignIgnoresAnInput: ("inputs", "declares the input 'sharpness', which it does not read"),
    NeverWrites: ("outputs", "never writes its output 'spread'"),
    TurnsFloat32: ("dtypes", "is float32 where the input latents is bfloat16"),
    ByTheOrderOfASet: ("same again", "hangs on the order of a set"),
    OnlyContiguous: ("layout", "fails with tensors that are not contiguous"),
    UsesWhatWillGo: ("deprecations", "old_double goes in 2.0"),
}
"""Block to the check that finds it, and words of the fault."""
GIVEN: dict[Any, dict[str, Any]] = {}


class LooksBeforehand(Makes):
    """An input that only the check before the run reads."""

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        if (given.get("sharpness") or 0) > 2:
            yield Fault("sharpness is more than 2.", "sharpness")

    def run(self, latents: Latents, sharpness: Annotated[float, Value(low=0, high=2)] = 1.0) -> Makes.Out:
        return self.Out(latents=latents * 2)


class LooksThroughAFunction(Makes):
    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        yield from too_sharp(given, *(f"{part}ness" for part in ("sharp",)))

    def run(self, latents: Latents, sharpness: Annotated[float, Value(low=0, high=2)] = 1.0) -> Makes.Out:
        return self.Out(latents=latents * 2)


def too_sharp(given: Mapping[str, Any], name: str) -> Iterable[str]:
    if (given.get(name) or 0) > 2:
        yield Fault(f"{name} is more than 2.", name)


class WritesAnew(Block):
    class Out(Outputs):
        count: int

    def run(self, latents: Latents, count: int) -> Out:
        return self.Out(count=len(latents))


class ReadsInAFunctionWithin(Makes):
    def run(self, latents: Latents, sharpness: float = 1.0) -> Makes.Out:
        def scaled() -> Tensor:
            return latents * sharpness

        return self.Out(latents=scaled())


class ReadsByComputedNames(ModularPipelineBlocks):
    description = "Reads all inputs by their names."
    inputs = [InputParam("x", type_hint=float, required=True), InputParam("y", type_hint=float, default=1.0)]
    intermediate_outputs = [OutputParam("total", type_hint=float)]

    def __call__(self, components: Any, state: Any) -> Any:
        block_state = self.get_block_state(state)
        block_state.total = sum(getattr(block_state, name) for name in self.input_names)
        self.set_block_state(state, block_state)
        return components, state


class WritesNowAndThen(Block):
    class Out(Outputs):
        latents: Latents
        spread: float | None = None

    def run(self, latents: Latents, more: bool = False) -> Out:
        return self.Out(latents=latents, **({"spread": 1.0} if more else {}))


class Measures(Block):
    """In float32, by another name."""

    class Out(Outputs):
        loudness: Annotated[Tensor, Value("b")]

    def run(self, latents: Latents) -> Out:
        return self.Out(loudness=latents.float().abs().mean(dim=(1, 2, 3)))


class SortsASet(Block):
    class Out(Outputs):
        text: str
        is_known: bool

    def run(self, names: list[str]) -> Out:
        return self.Out(text=", ".join(sorted({*names, "and others"})), is_known="a" in set(names))


RIGHT: dict[Any, dict[str, Any]] = {
    LooksBeforehand: {},
    LooksThroughAFunction: {},
    WritesAnew: {},
    ReadsInAFunctionWithin: {},
    ReadsByComputedNames: {},
    WritesNowAndThen: {},
    Measures: {},
    SortsASet: {},
}
