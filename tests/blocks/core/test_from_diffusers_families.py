"""FLUX and Stable Diffusion 3 of the installed diffusers run here as there, though no contract of ours knows them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.modular_pipelines.flux import FluxAutoBlocks
from diffusers.modular_pipelines.stable_diffusion_3 import StableDiffusion3AutoBlocks
from PIL import Image
from tiny_families import flux, stable_diffusion_3
from toy_blocks import seeded

from brickwork import InputError
from brickwork.blocks import adopt
from brickwork.engine.events import RunFinished, StepFinished

INPUTS: dict[str, Any] = {
    "prompt": "a red cat",
    "num_inference_steps": 3,
    "max_sequence_length": 32,
    "height": 64,
    "width": 64,
    "output_type": "pt",
}
PIXELS = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
TASKS: dict[str, dict[str, Any]] = {
    "text2image": {},
    "image2image": {"image": Image.fromarray(PIXELS), "strength": 0.6},
}


@pytest.fixture(
    scope="module",
    params=[(FluxAutoBlocks, flux), (StableDiffusion3AutoBlocks, stable_diffusion_3)],
    ids=["flux", "sd3"],
)
def family(request: pytest.FixtureRequest) -> Any:
    """The blocks, diffusers' pipeline over tiny models, and the models."""
    blocks: type[Any]
    make: Callable[[], dict[str, Any]]
    blocks, make = request.param
    models = make()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = blocks().init_pipeline()
        peer.update_components(**models)
    peer.set_progress_bar_config(disable=True)
    return blocks, peer, models


@pytest.mark.parametrize("task", TASKS)
def test_a_workflow_gives_what_it_gives_there(task: str, family: Any) -> None:
    blocks, peer, models = family
    pipe = adopt(blocks).get_workflow(task).init_pipeline()
    pipe.update_components(**models)
    pipe.configure(progress=False)
    expected = peer(**INPUTS, **TASKS[task], generator=seeded(0), output="images")
    found = pipe(**INPUTS, **TASKS[task], generator=seeded(0), output="images")
    assert torch.equal(found, expected)
    assert expected.std() > 0.01


def test_the_whole_composition_decides_and_repeats(family: Any) -> None:
    blocks, peer, models = family
    pipe = adopt(blocks).init_pipeline()
    pipe.update_components(**models)
    pipe.configure(progress=False)
    for inputs in [*TASKS.values(), *TASKS.values()]:
        expected = peer(**INPUTS, **inputs, generator=seeded(0), output="images")
        assert torch.equal(pipe(**INPUTS, **inputs, generator=seeded(0), output="images"), expected)


def test_mistakes_are_found_before_a_model_is_asked(family: Any) -> None:
    blocks, _, models = family
    pipe = adopt(blocks).init_pipeline()
    pipe.update_components(**models)
    with pytest.raises(InputError, match="'promt' is no input of this pipeline. Did you mean 'prompt'?"):
        pipe(promt="a")


def test_progress_bars_follow_the_pipelines_settings(family: Any, capsys: pytest.CaptureFixture[str]) -> None:
    blocks, _, models = family
    pipe = adopt(blocks).init_pipeline()
    pipe.update_components(**models)
    pipe.set_progress_bar_config(desc="steps")
    pipe(**INPUTS, generator=seeded(0), output="images")
    assert "steps: 100%" in capsys.readouterr().err
    pipe.configure(progress=False)
    pipe(**INPUTS, generator=seeded(0), output="images")
    assert "100%" not in capsys.readouterr().err


def test_adopted_loops_tell_of_their_turns(family: Any) -> None:
    blocks, _, models = family
    pipe = adopt(blocks).init_pipeline()
    pipe.update_components(**models)
    pipe.configure(progress=False)
    expected = pipe(**INPUTS, generator=seeded(0), output="images")
    events = list(pipe.stream(**INPUTS, generator=seeded(0), output="images"))
    assert [event.index for event in events if isinstance(event, StepFinished)] == [0, 1, 2]
    last = events[-1]
    assert isinstance(last, RunFinished)
    assert torch.equal(last.result, expected)
