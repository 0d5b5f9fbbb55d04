"""Mistakes with tensors, schedules, limits of encoders, and paths."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from mistake import Mistake

from brickwork import Block, DeclarationError, InputError, Outputs, SequentialPipelineBlocks
from brickwork.presets.sdxl import IMAGE2IMAGE_BLOCKS

CALL: dict[str, Any] = {"num_inference_steps": 2, "output_type": "latent", "output": "images"}


class Scale(Block):
    """Multiply."""

    by: float = 0.5

    class Out(Outputs):
        y: float

    def run(self, x: float) -> Out:
        return self.Out(y=x * self.by)


def given(pipe: Any, **inputs: Any) -> Any:
    """Call with these inputs, and what every call needs."""
    return pipe(**{**CALL, **inputs})


def call(name: str, *says: str, **inputs: Any) -> Mistake:
    """A call with a prompt that is refused with these words."""
    return Mistake(name, "tiny", partial(given, prompt="a cat", **inputs), InputError, says)


def embeds(name: str, *says: str, **changed: Any) -> Mistake:
    """A call with embeddings that is refused with these words."""
    inputs = {"prompt_embeds": torch.zeros(1, 16, 40), "pooled_prompt_embeds": torch.zeros(1, 24), **changed}
    return Mistake(name, "tiny", partial(given, **inputs), InputError, says)


def scheduled(name: str, scheduler: str, *says: str, **inputs: Any) -> Mistake:
    """A call with another scheduler that is refused with these words."""

    def make(pipe: Any) -> Any:
        pipe.update_components(scheduler=scheduler)
        return given(pipe, prompt="a cat", **inputs)

    return Mistake(name, "tiny", make, InputError, says)


def redrawn(name: str, *says: str, **inputs: Any) -> Mistake:
    """A call of image to image that is refused with these words."""

    def make(pipe: Any) -> Any:
        redraw = SequentialPipelineBlocks.from_blocks_dict(IMAGE2IMAGE_BLOCKS).init_pipeline()
        redraw.update_components(**{each: pipe.components[each] for each in pipe.pretrained_component_names})
        return given(redraw, prompt="a cat", **inputs)

    return Mistake(name, "tiny", make, InputError, says)


LATENTS = [
    call("latents without a batch", "latents", "[4, 16, 16]", "Tensor[b c h w]", latents=torch.zeros(4, 16, 16)),
    call("latents with the channels last", "needs [1, 4, 8, 8]", latents=torch.zeros(1, 16, 16, 4)),
    call("latents for two images", "1 image needs [1, 4", latents=torch.zeros(2, 4, 16, 16)),
    call("latents of an inpainting network", "[1, 9, 16, 16]", latents=torch.zeros(1, 9, 16, 16)),
    call("whole numbers as latents", "float numbers", latents=torch.zeros(1, 4, 16, 16, dtype=torch.int64)),
    call("latents of another size", "needs [1, 4, 8, 8]", latents=torch.zeros(1, 4, 16, 16), height=64, width=64),
]
EMBEDDINGS = [
    embeds("embeddings without a batch", "Tensor[b tokens width]", "[16, 40]", prompt_embeds=torch.zeros(16, 40)),
    embeds("embeddings of another model", "[1, 16, 64]", "40 wide", prompt_embeds=torch.zeros(1, 16, 64)),
    embeds("pooled embeddings with tokens", "Tensor[b pooled]", pooled_prompt_embeds=torch.zeros(1, 1, 24)),
    embeds("pooled embeddings of another model", "width 64", pooled_prompt_embeds=torch.zeros(1, 64)),
    embeds("no embeddings", "there is nothing in it", prompt_embeds=torch.zeros(1, 0, 40)),
    embeds("pooled embeddings of two texts", "differ in number", pooled_prompt_embeds=torch.zeros(2, 24)),
    embeds(
        "negative embeddings of fewer tokens",
        "'tokens'",
        negative_prompt_embeds=torch.zeros(1, 8, 40),
        negative_pooled_prompt_embeds=torch.zeros(1, 24),
    ),
    embeds(
        "a negative prompt beside long embeddings",
        "reads at most 16",
        "negative_prompt_embeds=",
        prompt_embeds=torch.zeros(1, 32, 40),
        negative_prompt="a cat",
    ),
]
SCHEDULES = [
    scheduled("too many steps", "ddim", "num_inference_steps is 1001", num_inference_steps=1001),
    scheduled("a step past the last", "ddim", "steps_offset=1", num_inference_steps=1000),
    scheduled("more steps than timesteps", "euler", "Take at most 1000 steps", num_inference_steps=1001),
    call("timesteps upside down", "timesteps go from 1 to 999", "highest first", timesteps=[1, 999]),
    call("sigmas upside down", "sigmas go from 0.5 to 14.6", "highest first", sigmas=[0.5, 14.6]),
    call("a timestep that nobody was trained with", "0..1000", timesteps=[5000, 1]),
    redrawn("a strength that leaves no step", "give 0.5 or more", image=torch.rand(3, 32, 32), strength=0.4),
]
ENCODERS = [
    call("more layers skipped than there are", "3 layers", "at most 2", clip_skip=12),
    call("a negative number of layers", "clip_skip is -1", clip_skip=-1),
]
NUMBERS = [
    call("a scale that is no float", "guidance_scale is 1000", "must be float", guidance_scale=10**400),
    Mistake("an option that is no float", "folder", lambda _: Scale(by=10**400), DeclarationError, ("by is", "float")),
]
PATHS = [
    redrawn("an address as an image", "load_image('https://a.b/c.png'", image="https://a.b/c.png"),
    redrawn("a path that is not there", "image: There is no file no.png", image="no.png"),
    redrawn("a list of paths", "image: There is no file no.png", image=["no.png"]),
    Mistake(
        "a list of textual inversions",
        "embedded",
        lambda pipe: pipe.load_textual_inversion(["a.safetensors", "b.safetensors"]),
        InputError,
        ("once for each",),
    ),
]
MISTAKES = [*LATENTS, *EMBEDDINGS, *SCHEDULES, *ENCODERS, *NUMBERS, *PATHS]
