"""Blocks by signature: options, components, settings, loops, choices, scopes, and a part of the denoiser."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import torch
from diffusers.image_processor import VaeImageProcessor
from PIL import ImageEnhance
from torch import Tensor

import brickwork
from brickwork import Block, Outputs, Value, component, config
from brickwork.blocks.steps.denoiser_call import DenoiserInput
from brickwork.state.vocabulary import Images, Latents

Strength = Annotated[float, Value(doc="How much light is added.", low=0, high=1)]
Light = Annotated[Tensor, Value("b c h w", "Light, to be added to latents.", dtype="float")]


class Warm(Block):
    """Make images more colourful."""

    by: float = 1.5

    class Out(Outputs):
        images: Images

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        if self.by < 0:
            yield f"by is {self.by}; it is 0 (grey) or more."

    def run(self, images: Images) -> Out:
        """Colour the images.

        Args:
            images: what was drawn.
        """
        return self.Out(images=[ImageEnhance.Color(image).enhance(self.by) for image in images])


class Lift(Block):
    """Add light to latents."""

    class Out(Outputs):
        latents: Latents

    def run(self, latents: Latents, lift: Strength = 0.0) -> Out:
        if lift > 0.9:
            self.warn("lift is so high that little else is seen.")
        return self.Out(latents=latents + lift)


class Scaled(Block):
    """Say the size of images, by a component and a setting of the pipeline."""

    image_processor: VaeImageProcessor = component(config={"vae_scale_factor": 8}, doc="Knows the scale.")
    rounds_up: bool = config(False)

    class Out(Outputs):
        cells: int

    def run(self, width: int) -> Out:
        factor = self.image_processor.config.vae_scale_factor
        return self.Out(cells=-(-width // factor) if self.rounds_up else width // factor)


class AddI(Block):
    """Add the number of the iteration."""

    class Out(Outputs):
        total: int

    def run(self, i: int, total: int = 0) -> Out:
        return self.Out(total=total + i)


class Count(brickwork.LoopSequentialPipelineBlocks):
    """Repeat for 0, 1, 2, ..."""

    block_classes = [AddI]
    block_names = ["add"]

    class Vars(Outputs):
        i: int

    def iterate(self, times: int) -> Iterator[Vars]:
        yield from (self.Vars(i=i) for i in range(times))

    def count(self, times: int) -> int:
        return times


class CountAgain(brickwork.Scope):
    """Count with a total of its own."""

    block_classes = [Count]
    block_names = ["count"]


class Grey(Block):
    """Take the colour out."""

    class Out(Outputs):
        images: Images

    def run(self, images: Images, grey: bool = True) -> Out:
        return self.Out(images=[image.convert("L").convert("RGB") for image in images] if grey else images)


class AutoColour(brickwork.AutoPipelineBlocks):
    """Grey where that is asked for, else warm."""

    block_classes = [Grey, Warm]
    block_names = ["grey", "warm"]
    block_trigger_inputs = ["grey", None]


class ByTotal(brickwork.ConditionalPipelineBlocks):
    """Count on while the total is small."""

    block_classes = [Count]
    block_names = ["count"]
    block_trigger_inputs = ["total"]

    def select_block(self, total: int) -> str | None:
        return "count" if total < 10 else None


class Nudge(DenoiserInput):
    """Add a number to what the UNet's first stage gives."""

    def prepare(self, nudge: float = 0.0) -> float | None:
        return nudge or None

    def extra_inputs(self, prepared: float, call: Any, branches: Any, latents: Tensor, kwargs: Any) -> dict[str, Any]:
        return {"down_intrablock_additional_residuals": [torch.full((1,), prepared)]}
