"""Right blocks that look like faulty ones, which `check_block` must not blame; each with what it is checked with."""

from __future__ import annotations

import functools
import logging
import warnings
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from typing import Annotated, Any, Literal

import numpy as np
import torch
from attrs import frozen
from PIL import Image
from torch import Tensor

from brickwork import Block, Outputs, Value, component
from brickwork.state.vocabulary import Latents


class Makes(Block):
    """Reads and writes latents; not that of `faulty_blocks`, because what is saved takes its own file along, and no other."""

    _is_framework_base = True

    class Out(Outputs):
        latents: Latents

    def run(self, latents: Latents) -> Out:
        return self.Out(latents=latents)


class EditsItsOwnCopy(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        mine = latents.clone()
        mine += 1
        return self.Out(latents=mine.mul_(2))


@functools.cache
def ramp(size: int) -> Tensor:
    return torch.linspace(0, 1, size)


class CachesAConstant(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents * ramp(latents.shape[-1]).to(latents))


class GivesAConstant(Block):
    class Out(Outputs):
        ramp: Annotated[Tensor, Value("n")]

    def run(self) -> Out:
        return self.Out(ramp=ramp(4))


class OncePerRun(Makes):
    @functools.cached_property
    def factor(self) -> float:
        return 2.0

    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents * self.factor + self.factor)


class MayGiveNothing(Block):
    class Out(Outputs):
        mask: Annotated[Tensor, Value("b h w")] | None
        note: str | None

    def run(self, latents: Latents, masked: bool = False) -> Out:
        return self.Out(mask=latents[:, 0] if masked else None, note="masked" if masked else None)


class GivesManyKinds(Block):
    class Out(Outputs):
        images: list[Image.Image]
        image: Image.Image
        table: dict[str, float]
        words: list[str]
        pair: tuple[int, int]
        array: np.ndarray

    def run(self, image: Image.Image, names: list[str], pair: tuple[int, int]) -> Out:
        small = image.resize((4, 4))
        return self.Out(
            images=[small, image.rotate(90)],
            image=image.copy(),
            table={name: float(len(name)) for name in names},
            words=sorted(names),
            pair=pair,
            array=np.asarray(small).astype(np.float32),
        )


class View(Block):
    class Out(Outputs):
        latents: Latents
        same: Latents
        row: Annotated[Tensor, Value("b c w")]

    def run(self, latents: Latents) -> Out:
        return self.Out(latents=latents, same=latents, row=latents[:, :, 0])


class GivesNothing(Block):
    def run(self, latents: Latents) -> None:
        logging.getLogger(__name__).info("%s", latents.shape)


class ByASeed(Block):
    cached = True

    class Out(Outputs):
        latents: Latents

    def run(self, seed: Annotated[int, Value(low=0, high=2**32 - 1)], latents: Latents) -> Out:
        chance = np.random.default_rng(seed)
        return self.Out(latents=latents + float(chance.random()))


class ByAGradient(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        with torch.enable_grad():
            leaf = latents.detach().float().requires_grad_(True)
            (slope,) = torch.autograd.grad((leaf**2).sum(), leaf)
        return self.Out(latents=(latents - slope).to(latents.dtype))


class WorksInThreads(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        with ThreadPoolExecutor(2) as pool:
            return self.Out(latents=torch.stack(list(pool.map(torch.sin, latents))))


class HooksForAWhile(Makes):
    net: torch.nn.Module = component()

    def run(self, latents: Latents) -> Makes.Out:
        seen: list[Any] = []
        handle = self.net.register_forward_hook(lambda *given: seen.append(given))
        try:
            made = self.net(latents.movedim(1, -1).to(self.net.weight.dtype))
        finally:
            handle.remove()
        return self.Out(latents=made.movedim(-1, 1))


class Counter:
    def __init__(self) -> None:
        self.count = 0

    def step(self, x: Tensor) -> Tensor:
        self.count += 1
        return x * self.count


class UsesAClone(Makes):
    counter: Counter = component(mutates=True)

    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=self.counter.step(latents))


class Way(Enum):
    UP = 1
    DOWN = 2


@frozen
class Setting:
    size: int = 3


class ByOptions(Makes):
    way: Way = Way.UP
    setting: Setting = Setting()
    dtype: torch.dtype | None = None
    kind: Literal["a", "b"] = "a"

    def run(self, latents: Latents) -> Makes.Out:
        sign = 1 if self.way is Way.UP and self.kind == "a" else -1
        return self.Out(latents=(latents * sign * self.setting.size).to(self.dtype or latents.dtype))


class InAutocast(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        with torch.autocast("cpu", torch.bfloat16):
            made = latents @ latents.transpose(-1, -2) @ latents
        return self.Out(latents=made.to(latents.dtype))


class QuietForAWhile(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self.Out(latents=latents * 2)


class MasksWithInfinity(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents.masked_fill(latents > 0, float("-inf")))


class Warns(Makes):
    def run(self, latents: Latents) -> Makes.Out:
        logging.getLogger(__name__).info("latents")
        return self.Out(latents=latents * 2)


class ReadsOptionThroughGetattr(Makes):
    width: int = 2
    height: int = 3

    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents * sum(getattr(self, name) for name in ("width", "height")))


class OptionOfItsBase(Makes):
    _is_framework_base = True
    by: float = 2.0

    def scaled(self, x: Tensor) -> Tensor:
        return x * self.by


class UsesOptionOfItsBase(OptionOfItsBase):
    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=self.scaled(latents))


class HidesAnOption(Makes):
    """Saved with what lies on it, whatever its name."""

    def __init__(self, by: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self._by = by

    def run(self, latents: Latents) -> Makes.Out:
        return self.Out(latents=latents * self._by)


RIGHT: dict[Any, dict[str, Any]] = {
    EditsItsOwnCopy: {},
    HidesAnOption(by=3.0): {},
    CachesAConstant: {},
    GivesAConstant: {},
    OncePerRun: {},
    MayGiveNothing: {},
    GivesManyKinds: {},
    View: {},
    GivesNothing: {},
    ByASeed: {},
    ByAGradient: {},
    WorksInThreads: {},
    HooksForAWhile: {"components": {"net": torch.nn.Linear(3, 3)}, "inputs": {"latents": torch.ones(2, 3, 4, 4)}},
    UsesAClone: {"components": {"counter": Counter()}},
    ByOptions: {},
    InAutocast: {},
    QuietForAWhile: {},
    MasksWithInfinity: {},
    Warns: {},
    ReadsOptionThroughGetattr: {},
    UsesOptionOfItsBase: {},
}
