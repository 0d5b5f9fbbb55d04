"""How classic pipelines tell of their steps: by callbacks of two kinds, by their bars, in several loops, or not at all."""

from __future__ import annotations

from typing import Any

import diffusers
import pytest
import torch
from adoption_classes import load
from classic_rows import ROWS
from classic_rows.row import pipeline
from toy_blocks import seeded

import brickwork
from brickwork import RunCancelledError
from brickwork.blocks.classic.steps_of_run import callbacks_of
from brickwork.engine.events import StepFinished, StepStarted
from brickwork.families.stable_diffusion import SD
from brickwork.pipeline.images.previews import Previews

pytestmark = pytest.mark.filterwarnings("ignore:.*safety checker.*")


def told(name: str, **changes: Any) -> tuple[list[Any], list[Any]]:
    """The steps of a row that begin and end."""
    row = ROWS[name]
    pipe = pipeline(load(name), row, {**row.parts(), **changes})
    events = list(pipe.stream(**row.inputs, generator=seeded(1), output=pipe.blocks.intermediate_output_names[0]))
    return tuple([each for each in events if isinstance(each, kind)] for kind in (StepStarted, StepFinished))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("name", "steps", "has_latents"),
    [
        ("StableDiffusionUpscalePipeline", 2, True),  # an older callback
        ("DDIMPipeline", 2, False),  # a bar over timesteps
        ("StableDiffusionParadigmsPipeline", 4, False),  # a bar, because its callback fails
        ("DiTPipeline", 2, False),
        ("FluxPipeline", 2, True),
    ],
)
def test_each_step_is_told_once(name: str, steps: int, has_latents: bool) -> None:
    begun, done = told(name)
    assert [event.index for event in begun] == [event.index for event in done] == list(range(len(done)))
    assert len(done) == steps or name == "StableDiffusionParadigmsPipeline"
    assert begun[0].total == steps
    assert all(("latents" in event.values) is has_latents for event in done)


def test_a_solver_of_second_order_is_counted_in_its_timesteps() -> None:
    heun = diffusers.HeunDiscreteScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
    begun, done = told("StableDiffusionPipeline", scheduler=heun)
    assert [(event.index, event.total) for event in done] == [(0, 3), (1, 3), (2, 3)]
    assert len(begun) == 3


def test_two_loops_of_one_call_are_counted_on() -> None:
    begun, done = told("KandinskyV22CombinedPipeline")
    assert [event.index for event in done] == list(range(len(done)))
    assert len(done) == 4
    assert [event.total for event in begun] == [2, 2, None, None]


def test_previews_are_made_of_the_latents() -> None:
    row = ROWS["StableDiffusionPipeline"]
    pipe = pipeline(diffusers.StableDiffusionPipeline, row, row.parts())
    previews = Previews(pipe.vae, SD)
    pipe.configure(listeners=[previews])
    pipe(**row.inputs, generator=seeded(1))
    assert [image.size for image in previews.images] == [(32, 32)] * 3


def test_a_newer_callback_is_taken_in_place_of_an_older_one() -> None:
    assert callbacks_of(diffusers.KandinskyV22CombinedPipeline) == [
        "prior_callback_on_step_end",
        "callback_on_step_end",
    ]
    assert callbacks_of(diffusers.StableDiffusionUpscalePipeline) == ["callback"]
    assert callbacks_of(diffusers.DDIMPipeline) == []


def test_a_bar_that_moves_looks_whether_the_run_was_cancelled() -> None:
    row = ROWS["DDIMPipeline"]
    pipe = pipeline(diffusers.DDIMPipeline, row, row.parts())

    def stop(event: Any) -> None:
        if isinstance(event, StepStarted):
            pipe.cancel()

    pipe.configure(listeners=[stop])
    with pytest.raises(RunCancelledError, match=r"cancelled before DDIMPipeline\.step\[1\]"):
        pipe(**row.inputs)


class OwnBar(diffusers.DiffusionPipeline):
    """Has a bar with options of its own, which it moves by hand."""

    def __init__(self, scheduler: diffusers.DDIMScheduler) -> None:
        super().__init__()
        self.register_modules(scheduler=scheduler)

    def __call__(self, size: int) -> diffusers.ImagePipelineOutput:
        with self.progress_bar(total=2, desc="its own", leave=False) as bar:
            for _ in range(2):
                bar.set_postfix(size=size)
                bar.update()
        return diffusers.ImagePipelineOutput(images=torch.zeros(1, 3, size, size))


def test_options_of_a_bar_and_its_methods_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    pipe = brickwork.adopt(OwnBar).init_pipeline()
    pipe.update_components(scheduler=diffusers.DDIMScheduler())
    assert "it tells of each step by its progress bar" in " ".join(str(pipe.explain("size")).split())
    pipe(size=2)
    shown = capsys.readouterr().err
    # With leave=False it is gone in the end.
    assert "its own:  50%" in shown
    assert "size=2" in shown
