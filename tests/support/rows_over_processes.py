"""Run under torchrun by `tests/scale/test_row_sharing.py`: each process makes the runs, and the first one writes down what it saw."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from family_rows import flux, stable_diffusion
from family_table import Family

from brickwork import BrickworkError, scale
from brickwork.engine.events import Event, StepFinished


def compared() -> dict[str, Any]:
    rank, count = torch.distributed.get_rank(), torch.distributed.get_world_size()
    found: dict[str, Any] = {}
    for family in (stable_diffusion.FAMILY, flux.FAMILY):
        torch.manual_seed(0)
        name = family.name
        task = next(iter(family.tasks))
        alone = {**family.tasks[task].given, "prompt": "a red circle", "num_inference_steps": 2, "output_type": "pt"}
        alone = {key: value for key, value in alone.items() if not isinstance(value, list)}
        pipe, one_by_one = family.ready(task), family.ready(task, "sequential")
        for images, against in ((1, one_by_one), (3, pipe)):
            asked = {**alone, "num_images_per_prompt": images, "seed": 3, "output": "images"}
            expected = against(**asked)
            with scale.share_rows() as sharing:
                drawn = pipe(**asked)
            found[f"{name} {images}"] = {
                "equal": torch.equal(drawn, expected),
                "apart": float((drawn - expected).abs().max()),
                "shared": sharing.shared,
                "alone": sharing.alone,
            }
    with scale.share_rows() as sharing:
        state = pipe(**{**alone, "seed": 3, "num_images_per_prompt": 2})
    found["recipe"] = state.recipe.to_dict()["process"]

    def refused(what: str, **given: Any) -> None:
        try:
            with scale.share_rows():
                pipe(**{**alone, "num_images_per_prompt": 2, "seed": 3, **given})
        except (BrickworkError, KeyboardInterrupt) as error:
            mine: list[Any] = [type(error).__name__, str(error)]
            every: list[Any] = [None] * count
            torch.distributed.all_gather_object(every, mine)
            found[what] = every[:2]

    refused("numbers", seed=3 + rank)
    refused("prompts", prompt=["a red circle", "a blue square"][rank % 2])
    refused("rows", num_images_per_prompt=2 + rank)
    refused("one row", num_images_per_prompt=2 - rank % 2)
    refused("steps", num_inference_steps=2 + rank)
    pipe.configure(listeners=[interrupt] if rank else [])
    refused("interrupted")
    pipe.configure(listeners=[])
    with torch.no_grad():
        next(pipe.transformer.parameters()).add_(rank)
    refused("weights")
    with torch.no_grad():
        next(pipe.transformer.parameters()).sub_(rank)
    if count == 2:
        found["by diffusers"] = by_diffusers(family)
    return found


def interrupt(event: Event) -> None:
    """As Ctrl-C in one of the processes, after its first step."""
    if isinstance(event, StepFinished):
        raise KeyboardInterrupt


def by_diffusers(family: Family) -> float:
    """How far a run is apart whose tokens diffusers' own `enable_parallelism` divides, which asks for an accelerator: here it is the CPU."""
    from diffusers import ContextParallelConfig

    torch._C._get_accelerator = lambda *_, **__: torch.device("cpu")  # type: ignore[method-assign]
    torch.accelerator.device_count = lambda: 1
    task = next(iter(family.tasks))
    given = {**family.tasks[task].given, "num_inference_steps": 2, "output_type": "pt", "seed": 3, "output": "images"}
    pipe = family.ready(task)
    expected = pipe(**given)
    pipe.transformer.enable_parallelism(config=ContextParallelConfig(ulysses_degree=2))
    return float((pipe(**given) - expected).abs().max())


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo")
    result = compared()
    if torch.distributed.get_rank() == 0:
        Path(sys.argv[1]).write_text(json.dumps(result))
    torch.distributed.destroy_process_group()
