"""Every family, tiny and with random weights, to draw latents with blocks that a test makes of its tasks."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import torch
from family_table import Family, Task, families

import tiny_sdxl
from brickwork import ModularPipeline, SequentialPipelineBlocks
from brickwork.families.contract import FamilyContract, bound_family
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS

NAMES = ["stable_diffusion", "sdxl", "sd3", "flux", "dit", "ddpm"]
SIZED = {"height": 64, "width": 64, "num_inference_steps": 3}
PROMPTS = ["a red circle", "two cat on the blue"]
GIVEN: dict[str, dict[str, Any]] = {
    "stable_diffusion": {**SIZED, "prompt": PROMPTS, "guidance_scale": 5.0},
    "sdxl": {**SIZED, "prompt": PROMPTS, "guidance_scale": 5.0},
    "sd3": {**SIZED, "prompt": PROMPTS, "guidance_scale": 5.0},
    "flux": {**SIZED, "prompt": PROMPTS, "guidance_scale": 3.5, "max_sequence_length": 24},
    "dit": {"class_labels": [3, 207], "guidance_scale": 4.0, "num_inference_steps": 3},
    **{
        name: {**SIZED, "prompt": PROMPTS, "guidance_scale": 3.5, "max_sequence_length": 24}
        for name in ("chroma", "krea2", "ovis_image", "qwenimage")
    },
    "ddpm": {"height": 16, "width": 16, "num_inference_steps": 3, "batch_size": 2},
}
"""What the first task of each is given: two images."""
SIDE = {**dict.fromkeys(GIVEN, 64), **dict.fromkeys(("dit", "ddpm", "consistency", "deepfloyd"), 16)}
"""Height and width of these images."""
Blocks = Mapping[str, Any]


def _sdxl() -> Family:
    def make() -> dict[str, Any]:
        return {name: part for name, part in tiny_sdxl.make_pipeline().components.items() if part is not None}

    return Family("sdxl", "unet", make, {"text2image": Task(TEXT2IMAGE_BLOCKS, None, GIVEN["sdxl"])})


@cache
def family(name: str) -> Family:
    return _sdxl() if name == "sdxl" else families()[name]


def contract(name: str) -> FamilyContract:
    return bound_family(blocks(name).values())


def blocks(name: str, task: str = "") -> Blocks:
    """The blocks of a task; of the first where none is named."""
    tasks = family(name).tasks
    return tasks[task or next(iter(tasks))].blocks


@cache
def _pipe(name: str, task: str, technique: Callable[[Blocks, FamilyContract], Blocks] | None) -> ModularPipeline:
    made = blocks(name, task)
    chosen = made if technique is None else technique(made, contract(name))
    pipe = SequentialPipelineBlocks.from_blocks_dict(chosen).init_pipeline()
    pipe.configure(progress=False)
    return pipe


def pipe_of(
    name: str, technique: Callable[[Blocks, FamilyContract], Blocks] | None = None, task: str = "", **parts: Any
) -> ModularPipeline:
    """A pipeline of a task that a technique has changed, made once, with the family's parts, and others by name."""
    pipe = _pipe(name, task, technique)
    own = {**family(name).parts("float32"), **parts}
    own["scheduler"] = copy.deepcopy(own["scheduler"])
    pipe.update_components(**{key: each for key, each in own.items() if key in pipe.component_names})
    return pipe


def drawn(pipe: ModularPipeline, name: str, without: tuple[str, ...] = (), **inputs: Any) -> torch.Tensor:
    """The last latents of a pipeline, given what the family's first task is given, and other inputs."""
    given = {key: each for key, each in GIVEN[name].items() if key not in without}
    found: torch.Tensor = pipe(**{"output_type": "latent", "seed": 7, **given, **inputs}, output="latents")
    return found
