"""Many runs: at once they give what they give one after another, and one after another they leave nothing behind."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler
from in_threads import in_threads

from brickwork import MemoryCache, ModularPipeline, SequentialPipelineBlocks
from brickwork.presets.sdxl import IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS, TEXT2IMAGE_BLOCKS

PICTURE = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(7))
MASK = torch.zeros(1, 1, 64, 64)
MASK[..., 32:] = 1
JOBS: list[tuple[str, dict[str, Any]]] = [
    ("text", {"prompt": "a red cat", "num_inference_steps": 3}),
    ("text", {"prompt": ["a", "the"], "num_inference_steps": 2, "guidance_scale": 3.0}),
    ("image", {"prompt": "a blue circle", "image": PICTURE, "strength": 0.7, "num_inference_steps": 4}),
    ("inpaint", {"prompt": "two", "image": PICTURE, "mask_image": MASK, "strength": 0.9, "num_inference_steps": 3}),
]


@pytest.fixture
def pipes(tiny_pipe: ModularPipeline) -> dict[str, ModularPipeline]:
    made = {}
    presets = {"text": TEXT2IMAGE_BLOCKS, "image": IMAGE2IMAGE_BLOCKS, "inpaint": INPAINT_BLOCKS}
    for name, preset in presets.items():
        pipe = SequentialPipelineBlocks.from_blocks_dict(preset).init_pipeline()
        pipe.update_components(**{n: tiny_pipe.components[n] for n in tiny_pipe.pretrained_component_names})
        pipe.configure(progress=False)
        made[name] = pipe
    return made


def job(pipes: dict[str, ModularPipeline], number: int) -> torch.Tensor:
    name, inputs = JOBS[number % len(JOBS)]
    generator = torch.Generator().manual_seed(number)
    found: torch.Tensor = pipes[name](**inputs, generator=generator, output_type="latent", output="images")
    return found


@pytest.mark.rotating(2)
@pytest.mark.parametrize("cached", [False, True], ids=["uncached", "cached"])
@pytest.mark.parametrize("scheduler", [EulerAncestralDiscreteScheduler, DPMSolverMultistepScheduler])
def test_eight_threads_on_mixed_presets_give_what_runs_in_a_row_give(
    scheduler: Any, cached: bool, pipes: dict[str, ModularPipeline], tiny_pipe: ModularPipeline, many: int
) -> None:
    for pipe in pipes.values():
        pipe.update_components(scheduler=scheduler.from_config(tiny_pipe.scheduler.config))
    count = 16 * many
    expected = [job(pipes, number) for number in range(count)]
    # A budget of a few entries, so that threads also push out what others are about to use.
    cache = MemoryCache(max_bytes=300_000, steps=True) if cached else None
    for pipe in pipes.values():
        pipe.configure(cache=cache)
    found = in_threads(lambda number: job(pipes, number), count)
    assert all(torch.equal(found[number], expected[number]) for number in range(count))
    assert cache is None or cache.hits > 0


def live_objects() -> tuple[int, int]:
    gc.collect()
    objects = gc.get_objects()
    return len(objects), sum(issubclass(type(thing), torch.Tensor) for thing in objects)


@pytest.mark.rotating(2)
@pytest.mark.parametrize("cached", [False, True], ids=["uncached", "cached"])
def test_forty_runs_leave_nothing_behind(cached: bool, pipes: dict[str, ModularPipeline]) -> None:
    cache = MemoryCache(max_bytes=100_000) if cached else None
    for pipe in pipes.values():
        pipe.configure(cache=cache)
    for number in range(16):
        job(pipes, number % 8)
    before = live_objects()
    for number in range(40):
        job(pipes, number % 8)
    after = live_objects()
    if cached:
        # What is kept changes, within its budget.
        assert abs(after[1] - before[1]) < 200
    else:
        assert after[1] == before[1]
        assert after[0] - before[0] < 200


def test_a_pipeline_goes_with_its_last_reference(pipes: dict[str, ModularPipeline]) -> None:
    job(pipes, 0)
    events = list(pipes["text"].stream(**JOBS[0][1], output="images"))
    pipe = weakref.ref(pipes["text"])
    gc.disable()
    try:
        del pipes["text"], events
        assert pipe() is None
    finally:
        gc.enable()
