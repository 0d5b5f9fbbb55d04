"""Blocks whose fault shows later, elsewhere, or beside their outputs.

Each faulty block names the check that finds it, and words of what is said, as in `faulty_blocks`.
"""

from __future__ import annotations

import datetime
import functools
import os
import sys
import threading
import warnings
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from brickwork import Block, Outputs, component
from brickwork.state.vocabulary import Latents


class Makes(Block):
    """Reads and writes latents; not that of `faulty_blocks`, because what is saved takes its own file along, and no other."""

    _is_framework_base = True

    class Out(Outputs):
        latents: Latents

    def run(self, latents: Latents) -> Out:
        return self.Out(latents=latents)


class Ring:
    """A place to keep things that has no content of its own, as an object of another library."""

    def __init__(self) -> None:
        self._held: Any = None

    def __repr__(self) -> str:
        return "Ring()"

    def turn(self, new: Any) -> Any:
        before, self._held = self._held, new
        return before


@functools.cache
def ring() -> Ring:
    return Ring()


class EditsAnEarlierInput(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        before = ring().turn(latents)
        if before is not None:
            before.zero_()
        return self.Out(latents=latents * 2)


@functools.cache
def leaks() -> Ring:
    return Ring()


class HoldsAnInput(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        leaks().turn(latents)
        return self.Out(latents=latents * 2)


@functools.lru_cache(maxsize=4)
def by_shape(shape: Any) -> list[Tensor]:
    return []


class StaleByShape(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        kept = by_shape(latents.shape)
        if not kept:
            kept.append(latents * 2)
        return self.Out(latents=kept[0].clone())


class SetsAGradient(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        latents.requires_grad_(True)
        return self.Out(latents=latents.detach() * 2)


class GivesAGraph(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        with torch.enable_grad():
            leaf = latents.detach().clone().requires_grad_(True)
            return self.Out(latents=leaf * 2)


class Prints(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        print("latents", tuple(latents.shape))  # noqa: T201 - the fault
        return self.Out(latents=latents * 2)


class LeavesAThread(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        threading.Thread(target=STOP.wait, args=(3,), daemon=True).start()
        return self.Out(latents=latents * 2)


STOP = threading.Event()


class SetsTheEnvironment(Makes):
    cached = True

    def run(self, latents: Latents) -> Makes.Out:
        os.environ["LAST_LATENTS"] = str(tuple(latents.shape))
        return self.Out(latents=latents * 2)


class SetsTheDefaultDtype(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        torch.set_default_dtype(torch.float64)
        return self.Out(latents=latents * 2)


class SwitchesGradientsOn(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        torch.set_grad_enabled(True)
        return self.Out(latents=latents.detach() * 2)


class SilencesWarnings(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        warnings.simplefilter("ignore")
        return self.Out(latents=latents * 2)


class LeavesAHook(Makes):
    net: torch.nn.Module = component()

    def run(self, latents: Latents) -> Makes.Out:
        self.net.register_forward_hook(lambda *_: None)
        return self.Out(latents=latents * 2)


class HalvesItsComponent(Makes):
    net: torch.nn.Module = component()

    def run(self, latents: Latents) -> Makes.Out:
        self.net.half()
        return self.Out(latents=latents * 2)


class FreezesItsComponent(Makes):
    net: torch.nn.Module = component()

    def run(self, latents: Latents) -> Makes.Out:
        self.net.requires_grad_(False)
        return self.Out(latents=latents * 2)


class TrainsItsComponent(Makes):
    net: torch.nn.Module = component()

    def run(self, latents: Latents) -> Makes.Out:
        self.net.eval()
        return self.Out(latents=latents * 2)


class PatchesItsComponent(Makes):
    net: torch.nn.Module = component()

    def run(self, latents: Latents) -> Makes.Out:
        self.net.forward = lambda x: x
        return self.Out(latents=latents * 2)


class MarksItsComponent(Makes):
    net: torch.nn.Module = component()

    def run(self, latents: Latents) -> Makes.Out:
        self.net.last_shape = tuple(latents.shape)
        return self.Out(latents=latents * 2)


class IgnoresItsOption(Makes):
    strength: float = 0.5

    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents * 2)


class ReadsTheDate(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents * (1 + datetime.datetime.now().year))


class FreshChance(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents + float(np.random.default_rng().random()))


class SeedsForAll(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        torch.manual_seed(0)
        return self.Out(latents=latents + torch.randn_like(latents))


class NotANumber(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=(latents - latents) / (latents - latents).std())


class OverflowsInHalf(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        large = latents * 1e5
        return self.Out(latents=large - large)


class OnTheHostInHalf(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        if latents.dtype != torch.float32:
            return self.Out(latents=torch.zeros(latents.shape, dtype=latents.dtype))
        return self.Out(latents=latents * 2)


class Quits(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        sys.exit("done")


class GivesAnIterator(Block):
    class Out(Outputs):
        rows: Any

    def run(self, latents: Latents) -> Out:
        return self.Out(rows=(row for row in latents))


class EditsInsideADict(Block):
    class Out(Outputs):
        count: int

    def run(self, how: dict[str, list[int]]) -> Out:
        how["sizes"].append(3)
        return self.Out(count=len(how["sizes"]))


class ClosesItsImage(Block):
    class Out(Outputs):
        width: int

    def run(self, image: Image.Image) -> Out:
        width = image.size[0]
        image.close()
        return self.Out(width=width)


class NotesOnItsImage(Block):
    class Out(Outputs):
        width: int

    def run(self, image: Image.Image) -> Out:
        image.info["seen"] = "yes"
        return self.Out(width=image.size[0])


class PastesIntoItsImage(Block):
    class Out(Outputs):
        width: int

    def run(self, image: Image.Image) -> Out:
        image.paste((0, 0, 0), (0, 0, 4, 4))
        return self.Out(width=image.size[0])


class NumpyForPlain(Block):
    class Out(Outputs):
        mean: float
        names: list[str]

    def run(self, x: float) -> Out:
        return self.Out(mean=np.float32(x), names=np.array(["a"]))


class Deep(Makes):
    """Through a helper of a helper: the clock."""

    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents * scale_now())


def scale_now() -> float:
    return _now() % 3


def _now() -> float:
    return datetime.datetime.now().timestamp()


class RunsInTraining(Makes):
    net: torch.nn.Module = component()

    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=self.net(latents))


FAULTY: dict[Any, tuple[str, str]] = {
    EditsAnEarlierInput: ("nothing edited", "changes the input latents of an earlier run"),
    HoldsAnInput: ("keeps nothing", "holds on to its input latents after the run"),
    StaleByShape: ("same again", "comes from a functools.cache"),
    SetsAGradient: ("nothing edited", "changes its input latents in place"),
    GivesAGraph: ("outputs", "carries the graph of its gradients"),
    Prints: ("process", "'latents (2, 3, 6, 7)'"),
    LeavesAThread: ("process", "is left running"),
    SetsTheEnvironment: (
        "process",
        "the environment variables. Expected: the process as it was before the run. Got: LAST_LATENTS was set",
    ),
    SetsTheDefaultDtype: (
        "process",
        "torch's default dtype. Expected: the process as it was before the run. Got: torch.float64 in place of",
    ),
    SwitchesGradientsOn: ("process", "whether torch follows gradients"),
    SilencesWarnings: ("process", "the filters of warnings"),
    LeavesAHook: ("components", "the component net is changed by the run"),
    HalvesItsComponent: ("components", "the component net is changed by the run"),
    FreezesItsComponent: ("components", "the component net is changed by the run"),
    TrainsItsComponent: ("components", "the component net is changed by the run"),
    PatchesItsComponent: ("components", "the component net is changed by the run"),
    MarksItsComponent: ("components", "the component net is changed by the run"),
    RunsInTraining: ("components", "the component net is changed by the run"),
    IgnoresItsOption: ("options", "has the option 'strength', which it does not read"),
    ReadsTheDate: ("nothing from outside", "the clock (now)"),
    FreshChance: ("same again", "is another one when the same is run again"),
    SeedsForAll: ("chance", "or seeds it, though its outputs do not hang on that"),
    NotANumber: ("outputs", "holds values that are no numbers (nan)"),
    OverflowsInHalf: ("dtypes", "holds values that are no numbers (nan) in float16"),
    OnTheHostInHalf: ("device", "lies on another device than the inputs"),
    Quits: ("runs", "SystemExit: done"),
    GivesAnIterator: ("outputs", "is an iterator, which the first who reads it uses up"),
    EditsInsideADict: ("nothing edited", "changes its input how in place"),
    ClosesItsImage: ("nothing edited", "changes its input image in place"),
    NotesOnItsImage: ("nothing edited", "changes its input image in place"),
    PastesIntoItsImage: ("nothing edited", "changes its input image in place"),
    NumpyForPlain: ("outputs", "is not as declared"),
    Deep: ("nothing from outside", "_now: it reads the clock"),
}
"""Block to the check that finds it, and words of the fault."""
_NET: dict[str, Any] = {
    "components": {"net": torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2)).train()}
}
_WITH_NET = (
    LeavesAHook,
    HalvesItsComponent,
    FreezesItsComponent,
    TrainsItsComponent,
    PatchesItsComponent,
    MarksItsComponent,
)
GIVEN: dict[Any, dict[str, Any]] = {
    **dict.fromkeys(_WITH_NET, _NET),
    RunsInTraining: {"components": {"net": torch.nn.BatchNorm2d(3)}, "inputs": {"latents": torch.ones(2, 3, 4, 4)}},
    EditsInsideADict: {"inputs": {"how": {"sizes": [1]}}},
}
