"""Blocks with one kind of fault each, beside right ones: what `check_block` must find, and what it must let pass.

Each faulty block names the check that finds it, and words of what is said.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor

from brickwork import Block, InputParam, ModularPipelineBlocks, OutputParam, Outputs, Value, component
from brickwork.state.vocabulary import Generators, Images, Latents

Scale = Annotated[float, Value(doc="A factor.", low=0, high=2)]
CALLS = 0
SEEN: list[Any] = []
BUFFERS: dict[Any, Tensor] = {}
SOURCE = torch.Generator().manual_seed(3)
TURN = itertools.count()
SCRATCH: dict[str, Tensor] = {}
LAST: list[Any] = [None]


class Makes(Block):
    """Reads and writes latents."""

    _is_framework_base = True

    class Out(Outputs):
        latents: Latents

    def run(self, latents: Latents) -> Out:
        return self.Out(latents=latents)


class EditsInPlace(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        latents += 1
        return self.Out(latents=latents.clone())


class EditsAList(Block):
    class Out(Outputs):
        count: int

    def run(self, names: list[str]) -> Out:
        names.append("one more")
        return self.Out(count=len(names))


class DrawsByChance(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents + torch.randn_like(latents))


class DrawsForNothing(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        torch.rand(1)
        return self.Out(latents=latents * 2)


class UsesGeneratorOfItsOwn(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents + torch.randn(1, generator=SOURCE).to(latents.dtype))


class SetsItself(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        self.shape = latents.shape
        return self.Out(latents=latents * 2)


class KeepsOnItsClass(Makes):
    runs: ClassVar[int] = 0

    def run(self, latents: Latents) -> Makes.Out:
        type(self).runs += 1
        return self.Out(latents=latents * 2)


class KeepsInAGlobal(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        global CALLS  # noqa: PLW0603 - the fault
        CALLS += 1
        return self.Out(latents=latents * 2)


class KeepsInADefault(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents * (2 + self.noted(latents.shape)))

    def noted(self, shape: Any, seen: list[Any] = []) -> int:  # noqa: B006 - the fault
        seen.append(shape)
        return 0


class EditableOption(Makes):
    seen: list[int] = []

    def run(self, latents: Latents) -> Makes.Out:
        self.seen.append(len(latents))
        return self.Out(latents=latents * 2)


class WrongShape(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents[0])


class TwoSizesOfOneLetter(Block):
    class Out(Outputs):
        latents: Latents
        noise: Latents

    def run(self, latents: Latents) -> Out:
        return self.Out(latents=latents, noise=torch.cat([latents, latents]))


class WrongNumbers(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents > 0)


class WrongType(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents.tolist())


class OutOfRange(Block):
    class Out(Outputs):
        scale: Scale

    def run(self, scale: Scale) -> Out:
        return self.Out(scale=scale + 1.5)


class WrongName(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latent=latents)


class GivesNone(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=None)


class ForgetsAnOutput(ModularPipelineBlocks):
    description = "Declares two outputs."
    inputs = [InputParam("x", type_hint=float, required=True)]
    intermediate_outputs = [OutputParam("half", type_hint=float), OutputParam("twice", type_hint=float)]

    def __call__(self, components: Any, state: Any) -> Any:
        return {"half": state.values["x"] / 2}


class WritesWhatItDoesNotDeclare(ModularPipelineBlocks):
    description = "Writes beside its outputs."
    inputs = [InputParam("x", type_hint=float, required=True)]
    intermediate_outputs = [OutputParam("half", type_hint=float)]

    def __call__(self, components: Any, state: Any) -> Any:
        state.set("half", state.values["x"] / 2)
        state.set("rest", state.values["x"] / 2)
        return components, state


class ReadsTheEnvironment(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents * float(os.environ.get("SCALE_OF_LATENTS", "2")))


class ReadsTheClock(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents + time.perf_counter())


class GoesByTheOrderOfCalls(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        before = LAST[0]
        LAST[0] = latents
        return self.Out(latents=latents if before is None or before.shape == latents.shape else latents * 3)


class CountsTurns(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents * next(TURN))


class OneBufferForAll(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        buffer = BUFFERS.setdefault((latents.shape, latents.dtype), torch.empty_like(latents))
        return self.Out(latents=torch.mul(latents, 2, out=buffer))


class WithoutContent(Makes):
    words: Any = None

    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents * 2)


class CannotBeCopied(Makes):
    lock: Any = threading.Lock()

    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents * 2)


class SharesScratch(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        SCRATCH["latents"] = latents
        time.sleep(0.002)
        return self.Out(latents=SCRATCH.pop("latents", latents * 0) * 2)


class OnlyFloat32(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents @ torch.eye(latents.shape[-1]))


class OneImageOnly(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents * latents.mean().reshape(latents.shape[0], 1, 1, 1))


class TwoImagesOnly(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        first, second = latents
        return self.Out(latents=torch.stack([first, second]))


class OnlyLists(Block):
    class Out(Outputs):
        count: int

    def run(self, images: Images) -> Out:
        return self.Out(count=sum(image.size[0] > 0 for image in images))


class FailsAtLargeNumbers(Block):
    class Out(Outputs):
        root: float

    def run(self, x: Annotated[float, Value(low=0, high=9)]) -> Out:
        if x > 5:
            raise ValueError("too much")
        return self.Out(root=x**0.5)


class LosesAnAttribute(Makes):
    def __init__(self, by: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self.table = {"by": torch.full((1,), float(by))}

    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents + self.table["by"].to(latents))


class OptionOfAFunction(Makes):
    change: Any = None

    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=self.change(latents) if self.change else latents)


class ChangesItsComponent(Makes):
    net: torch.nn.Module = component()

    def run(self, latents: Latents) -> Makes.Out:
        with torch.no_grad():
            self.net.weight.mul_(1.0).add_(1.0).sub_(1.0).neg_()
        return self.Out(latents=latents * 2)


class OnTheHost(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents + torch.ones(latents.shape, dtype=latents.dtype, device="cpu"))


class ComesOutOnTheHost(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=torch.zeros(latents.shape, dtype=latents.dtype))


def made_inside() -> type[Block]:
    class Local(Makes):
        def run(self, latents: Latents) -> Makes.Out:
            return self.Out(latents=latents * 2)

    return Local


FAULTY: dict[Any, tuple[str, str]] = {
    EditsInPlace: ("nothing edited", "changes its input latents in place"),
    EditsAList: ("nothing edited", "changes its input names in place"),
    DrawsByChance: ("chance", "hangs on chance that is not declared"),
    DrawsForNothing: ("chance", "draws from a shared generator, or seeds it"),
    UsesGeneratorOfItsOwn: ("keeps nothing", "the global SOURCE"),
    SetsItself: ("keeps nothing", "sets self.shape"),
    KeepsOnItsClass: ("keeps nothing", "the class attribute KeepsOnItsClass.runs"),
    KeepsInAGlobal: ("keeps nothing", "the global CALLS"),
    KeepsInADefault: ("keeps nothing", "default 0 of KeepsInADefault.noted"),
    EditableOption: ("keeps nothing", "self.seen"),
    WrongShape: ("outputs", "Expected: Tensor[b c h w] of float numbers"),
    TwoSizesOfOneLetter: ("outputs", "'b' of Tensor[b c h w] is 2 in latents"),
    WrongNumbers: ("outputs", "torch.bool, cpu; it holds float numbers"),
    WrongType: ("outputs", "list of 2"),
    OutOfRange: ("outputs", "it must be between 0 and 2"),
    WrongName: ("outputs", "Did you mean 'latents'?"),
    GivesNone: ("outputs", "Got: None"),
    ForgetsAnOutput: ("outputs", "'twice'"),
    WritesWhatItDoesNotDeclare: ("outputs", "writes 'rest', which it does not declare"),
    ReadsTheEnvironment: ("nothing from outside", "environ"),
    ReadsTheClock: ("nothing from outside", "the clock"),
    GoesByTheOrderOfCalls: ("same again", "the output latents"),
    CountsTurns: ("same again", "is another one when the same is run again"),
    OneBufferForAll: ("nothing edited", "is changed by a later run"),
    CannotBeCopied: ("in a pipeline", "cannot pickle"),
    WithoutContent(words=iter(["one"])): ("cache", "cannot be kept in a cache"),
    SharesScratch: ("threads", "is another one in threads"),
    OnlyFloat32: ("dtypes", "fails in bfloat16"),
    OneImageOnly: ("runs", "latents=Tensor[2, "),
    TwoImagesOnly: ("runs", "latents=Tensor[1, "),
    OnlyLists: ("runs", "images=ndarray["),
    FailsAtLargeNumbers: ("runs", "too much"),
    LosesAnAttribute(by=3): ("save and open", "table"),
    OptionOfAFunction(change=lambda latents: latents * 3): ("save and open", "change"),
    ChangesItsComponent: ("components", "the component net is changed by the run"),
    OnTheHost: ("device", "mixes devices"),
    ComesOutOnTheHost: ("device", "lies on another device than the inputs"),
    made_inside(): ("save and open", "cannot be saved and opened"),
}
"""Block to the check that finds it, and words of the fault."""
GIVEN: dict[Any, dict[str, Any]] = {
    ChangesItsComponent: {"components": {"net": torch.nn.Linear(2, 2)}},
}


class Twice(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents * 2)


class AddsNoise(Makes):
    """Noise of a declared generator."""

    strength: Annotated[float, Value(low=0, high=1)] = 0.5

    def run(self, latents: Latents, generator: Generators | None = None) -> Makes.Out:
        sources = generator if isinstance(generator, list) else [generator] * len(latents)
        drawn = [torch.randn(latents.shape[1:], generator=sources[i % len(sources)]) for i in range(len(latents))]
        return self.Out(latents=latents + self.strength * torch.stack(drawn).to(latents))


class Layer(Makes):
    net: torch.nn.Module = component()

    def run(self, latents: Latents) -> Makes.Out:
        made = self.net(latents.movedim(1, -1).to(self.net.weight.dtype))
        return self.Out(latents=made.movedim(-1, 1))


class Refuses(Block):
    """Says in words what does not fit."""

    class Out(Outputs):
        third: float

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        if not given.get("x", 1):
            yield "x is 0, by which nothing can be divided."

    def run(self, x: Annotated[int, Value(low=-3, high=3)], ys: list[float], how: str | None = None) -> Out:
        if x == 0:
            raise ZeroDivisionError
        return self.Out(third=sum(ys) / x + len(how or ""))


class Halve(ModularPipelineBlocks):
    description = "Halve a number."
    inputs = [InputParam("x", type_hint=float, required=True)]
    intermediate_outputs = [OutputParam("half", type_hint=float)]

    def __call__(self, components: Any, state: Any) -> Any:
        block_state = self.get_block_state(state)
        block_state.half = block_state.x / 2
        self.set_block_state(state, block_state)
        return components, state


class Remembers(Makes):
    """Keeps what one run needs where the framework makes it anew."""

    class Memo:
        shape: Any = None

    def run(self, latents: Latents) -> Makes.Out:
        self.memo.shape = latents.shape
        return self.Out(latents=latents.reshape(self.memo.shape) * 2)


class SaysItIsByTheClock(Makes):
    """Hangs on a file that does not matter to what it gives."""

    cached = True

    def run(self, latents: Latents) -> Makes.Out:
        os.environ.get("NOTHING")
        return self.Out(latents=latents * 2)


class ReadsImages(Block):
    class Out(Outputs):
        kind: str

    def run(self, images: Images) -> Out:
        return self.Out(kind=type(images).__name__)


RIGHT: dict[Any, dict[str, Any]] = {
    Twice: {}, AddsNoise: {}, Layer: {"components": {"net": torch.nn.Linear(3, 3)}, "inputs": {"latents": torch.ones(2, 3, 4, 4)}},
    Refuses: {}, Halve: {}, Remembers: {}, SaysItIsByTheClock: {}, ReadsImages: {},
}  # fmt: skip
