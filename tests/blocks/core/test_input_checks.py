"""What the caller gives is looked at before anything is computed, and all that is wrong is said at once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pytest
import torch

from brickwork import Block, ComponentError, InputError, ModularPipeline, Outputs, SequentialPipelineBlocks
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS

EMBEDS = {"prompt_embeds": torch.zeros(1, 16, 40), "pooled_prompt_embeds": torch.zeros(1, 24)}


@pytest.fixture(scope="module")
def pipe() -> ModularPipeline:
    """A pipeline without weights: whatever is refused was refused before anything was read or computed."""
    return SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline()


def faults_of(pipe: ModularPipeline, **inputs: Any) -> tuple[str, ...]:
    given = inputs if "prompt" in inputs or "prompt_embeds" in inputs else {"prompt": "a cat", **inputs}
    with pytest.raises(InputError) as caught:
        pipe(**given)
    return caught.value.faults or (str(caught.value),)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"num_inference_steps": 0}, "num_inference_steps is 0; it must be 1 or more"),
        ({"num_inference_steps": 2.5}, "num_inference_steps is 2.5 (a float); it must be int"),
        ({"num_inference_steps": "20"}, "num_inference_steps is '20' (a str); it must be int"),
        ({"num_inference_steps": True}, "num_inference_steps is True (a bool)"),
        ({"num_images_per_prompt": 0}, "num_images_per_prompt is 0; it must be 1 or more"),
        ({"guidance_scale": math.nan}, "guidance_scale is nan; it must be 0 or more"),
        ({"guidance_scale": math.inf}, "guidance_scale is inf"),
        ({"guidance_scale": -1}, "guidance_scale is -1"),
        ({"guidance_scale": "5"}, "guidance_scale is '5' (a str); it must be float"),
        ({"eta": 1.5}, "eta is 1.5; it must be between 0 and 1"),
        ({"denoising_end": 1.0}, "denoising_end is 1.0; it must be between 0 and 1, and neither"),
        ({"height": 63}, "height is 63; it must be a multiple of 8. The nearest is 64."),
        ({"width": 1}, "width is 1; it must be a multiple of 8. The nearest is 8."),
        ({"height": 0}, "height is 0; it must be 1 or more"),
        ({"height": 64.0}, "height is 64.0 (a float); it must be int"),
        ({"output_type": "pill"}, "it must be 'pil' | 'np' | 'pt' | 'latent'. Did you mean 'pil'?"),
        ({"prompt": 3}, "prompt is 3 (an int); it must be str | list[str]"),
        ({"prompt": ["a", 3]}, "prompt is ['a', 3] (a list); it must be str | list[str]"),
        ({"prompt": []}, "prompt is empty"),
        ({"sigmas": []}, "sigmas is empty"),
        ({"sigmas": [1.0, -1.0]}, "sigmas holds -1.0; each must be 0 or more"),
        ({"original_size": (64,)}, "original_size is (64,) (a tuple); it must be tuple[int, int]"),
        ({"generator": 5}, "generator is 5 (an int); it must be Generator | list[Generator]"),
        ({"generator": [torch.Generator()] * 3}, "3 generators were given for 1 images"),
        ({"latents": [[0.0]]}, "latents is [[0.0]] (a list); it must be Tensor[b c h w]"),
        ({"timesteps": [1], "sigmas": [1.0]}, "two ways to say one thing"),
        ({"prompt": ["a", "b"], "prompt_2": ["a", "b", "c"]}, "differ in number: prompt: 2, prompt_2: 3"),
        ({"prompt": ["a", "b"], "negative_prompt": ["x", "y", "z"]}, "prompt: 2, negative_prompt: 3"),
        ({"prompt": "a", "negative_prompt": ["x", "y"]}, "prompt: 1, negative_prompt: 2"),
        ({**EMBEDS, "pooled_prompt_embeds": torch.zeros(3, 24)}, "prompt_embeds: 1, pooled_prompt_embeds: 3"),
        ({**EMBEDS, "prompt_embeds": "a"}, "prompt_embeds is 'a' (a str); it must be Tensor[b tokens width]"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_computed(
    inputs: dict[str, Any], message: str, pipe: ModularPipeline
) -> None:
    assert any(message in fault for fault in faults_of(pipe, **inputs)), faults_of(pipe, **inputs)


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"num_inference_steps": np.int64(4), "guidance_scale": np.float32(5)},
        {"guidance_scale": 5, "eta": 0, "denoising_end": 0.8},
        {"prompt": ["a", "b"], "negative_prompt": "blur", "prompt_2": "c", "generator": [torch.Generator()] * 2},
        {"prompt": ["a", "b"], "num_images_per_prompt": 2, "generator": [torch.Generator()] * 4},
        {"height": None, "generator": None, "sigmas": [1.0, 0.5]},
        {"latents": torch.zeros(1, 4, 16, 16), "crops_coords_top_left": (0, 8)},
        EMBEDS,
    ],
)
def test_what_is_right_is_let_through(inputs: dict[str, Any], pipe: ModularPipeline) -> None:
    given = inputs if "prompt_embeds" in inputs else {"prompt": "a cat", **inputs}
    with pytest.raises(ComponentError, match="Not loaded"):
        pipe(**given)


def test_everything_that_is_wrong_comes_at_once(pipe: ModularPipeline) -> None:
    assert len(faults_of(pipe, height=63, width=65, guidance_scale=-1, output_type="jpeg", eta=2)) == 5


class Mix(Block):
    """Blend two numbers."""

    class Out(Outputs):
        mixed: float

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        if given.get("low", 0) > given.get("high", 1):
            yield f"low is {given['low']} and high {given.get('high', 1)}; swap them."

    def run(self, low: float = 0.0, high: float = 1.0) -> Out:
        return self.Out(mixed=(low + high) / 2)


def test_a_block_says_what_must_fit_together() -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict({"mix": Mix}).init_pipeline()
    assert pipe(low=0.5, output="mixed") == 0.75
    with pytest.raises(InputError, match="low is 2 and high 1; swap them"):
        pipe(low=2)


def test_none_is_no_value_of_a_type_that_does_not_take_it() -> None:
    class Take(Block):
        def run(self, size: int, light: float = 0.5, name: str | None = None, free: Any = None) -> None: ...

    pipe = SequentialPipelineBlocks.from_blocks_dict({"take": Take}).init_pipeline()
    pipe(size=1, name=None, free=None)
    assert faults_of(pipe, prompt="unknown", size=None, light=None)[1:] == (
        "size is None; it must be int.",
        "light is None; it must be float. Leave it out for its default, 0.5.",
    )
    with pytest.raises(InputError, match=r"Take.run: size is None; it must be int\."):
        Take().run(size=None)


def test_none_that_a_block_replaces_before_it_is_read_is_no_fault() -> None:
    class Fill(Block):
        class Out(Outputs):
            size: int

        def run(self, size: int | None = None) -> Out:
            return self.Out(size=size or 3)

    class Take(Block):
        class Out(Outputs):
            taken: int

        def run(self, size: int) -> Out:
            return self.Out(taken=size)

    pipe = SequentialPipelineBlocks.from_blocks_dict({"fill": Fill, "take": Take}).init_pipeline()
    assert pipe(size=None, output="taken") == 3
