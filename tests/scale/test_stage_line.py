"""Stages at work: here, in processes and on Ray, the same bytes and one recipe as of a run in one process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from painted import Brighten
from required import missing
from tiny_families import stable_diffusion_3
from toy_blocks import Add, pipeline

import brickwork
from brickwork import ModularPipeline, SequentialPipelineBlocks, replay, scale
from brickwork.engine import Stages
from brickwork.presets.sd3 import TEXT2IMAGE_BLOCKS as SD3
from brickwork.scale.line_of_stages import StageLine
from brickwork.state import InputError, RepoError, RunError

SUPPORT = str(Path(__file__).parents[1] / "support")
ASKED: dict[str, Any] = {"prompt": "a red apple", "num_inference_steps": 2, "seed": 4}


def cut(pipe: ModularPipeline, before: list[str], **asked: Any) -> Stages:
    given = {**ASKED, **asked}
    plan = pipe.plan([*sorted(given.keys() - {"seed"}), "generator"])
    return plan.stages(["cpu"] * (len(before) + 1), scale.stage_profile(pipe, **given), before=before)


@pytest.fixture(scope="module")
def pipe() -> ModularPipeline:
    """SDXL with a block of one's own behind the loop."""
    made = brickwork.embedded()
    made.blocks.insert_after("denoise", "brighten", Brighten)
    made.configure(progress=False)
    return made


@pytest.fixture(scope="module")
def stages(pipe: ModularPipeline) -> Stages:
    return cut(pipe, ["input", "brighten"])


@pytest.fixture(scope="module", params=["here", "processes", "ray"])
def line(request: pytest.FixtureRequest, pipe: ModularPipeline, stages: Stages) -> Iterator[StageLine]:
    """Three stages of it; Ray's cluster is started by the line itself."""
    if request.param == "ray":
        try:
            import ray
        except ImportError:
            missing("ray", "Ray is not installed: pip install 'brickwork[ray]'")
        ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False, logging_level="ERROR", object_store_memory=100 * 2**20,
                 runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join([SUPPORT, *filter(None, sys.path)])}})  # fmt: skip
    with scale.stage_line(pipe, stages, on=request.param) as made:
        yield made
    if request.param == "ray":
        ray.shutdown()


def is_one_run_bit_for_bit_with_one_recipe(pipe: ModularPipeline, line: StageLine) -> None:
    (alone,) = pipe(**ASKED, output="images")
    (image,) = line(**ASKED)
    assert image.tobytes() == alone.tobytes()
    assert line.last_recipe is not None
    for recipe in (image, line.last_recipe.of_image(0)):
        assert str(brickwork.diff(recipe, alone)) == "The recipes are the same."
    assert replay(image, components=pipe, blocks=[Brighten]).tobytes() == alone.tobytes()
    both = line(output=["latents", "images"], **ASKED)
    assert torch.equal(both["latents"], pipe(**ASKED, output="latents"))
    assert both["images"][0].tobytes() == alone.tobytes()


def takes_many_in_order_and_a_fault_ends_its_own_alone(pipe: ModularPipeline, line: StageLine) -> None:
    calls = [{**ASKED, "seed": seed, "num_inference_steps": 1 + seed % 2} for seed in range(5)]
    found = [each[0].tobytes() for each in line.stream(iter(calls))]
    assert found == [pipe(**call, output="images")[0].tobytes() for call in calls]
    for changes, error, words in (
        ({"brightness": -3}, InputError, "brightness is -3"),
        ({"brightness": -2}, RunError, "MemoryError: none left"),
        ({"num_inference_stepz": 3}, InputError, "num_inference_steps"),
    ):
        with pytest.raises(error, match=words) as raised:
            line(**{**ASKED, **changes})
        assert any(note.startswith("In stage ") for note in raised.value.__notes__)
    results = line.stream([calls[0], {**calls[1], "brightness": -3}, calls[2]])
    assert next(results)[0].tobytes() == found[0]
    with pytest.raises(InputError, match="brightness is -3"):
        next(results)
    assert line(**calls[3])[0].tobytes() == found[3]


def tells_of_a_stage_that_ends(line: StageLine) -> None:
    with pytest.raises(RunError, match=r"stage 3 on cpu .*(SIGKILL|ended)"):
        line(**ASKED, brightness=-1)
    with pytest.raises(RunError, match="stage 3 on cpu"):
        line(**ASKED)


@pytest.mark.rotating(3)
def test_three_stages_from_their_first_run_to_their_end(pipe: ModularPipeline, line: StageLine) -> None:
    is_one_run_bit_for_bit_with_one_recipe(pipe, line)
    takes_many_in_order_and_a_fault_ends_its_own_alone(pipe, line)
    if type(line._places[0]).__name__ != "StageHere":  # here the process that would end is this one
        tells_of_a_stage_that_ends(line)


def test_stable_diffusion_3_of_a_folder(tmp_path: Path) -> None:
    made = SequentialPipelineBlocks.from_blocks_dict(SD3).init_pipeline()
    made.update_components(**stable_diffusion_3())
    made.save_pretrained(str(tmp_path / "saved"))
    pipe = ModularPipeline.from_pretrained(str(tmp_path / "saved"))
    pipe.load_components()
    pipe.configure(progress=False)
    asked = {**ASKED, "height": 64, "width": 64}
    (alone,) = pipe(**asked, output="images")
    with scale.stage_line(pipe, cut(pipe, ["input", "decode"], height=64, width=64), on="here") as line:
        (image,) = line(**asked)
    assert image.tobytes() == alone.tobytes()
    assert replay(image, components=pipe).tobytes() == alone.tobytes()


def test_what_cannot_run_in_stages_is_refused_in_words(pipe: ModularPipeline, stages: Stages) -> None:
    whole = pipe.plan(["prompt"]).stages(["cpu"], scale.stage_profile(pipe, **ASKED))
    for chosen, options, words in (
        (whole, {}, "There are no stages to run: not split: there is one device"),
        (stages, {"on": "proceses"}, "on='proceses' is unknown.*processes"),
    ):
        with pytest.raises(InputError, match=words), scale.stage_line(pipe, chosen, **options):
            pass
    with pytest.raises(InputError, match=r"before denoise: scheduler is changed before it and used behind it"):
        cut(pipe, ["denoise"])
    with scale.stage_line(pipe, stages, on="here") as line:
        with pytest.raises(RunError, match="prompt"):
            line(prompt=object())
        with pytest.raises(InputError, match="imagez"):
            line("imagez", **ASKED)


def test_what_is_only_in_memory_does_not_travel(stages: Stages) -> None:
    edited = brickwork.embedded()
    edited.blocks.insert_after("denoise", "brighten", Brighten)
    with torch.no_grad():
        next(edited.vae.parameters()).add_(1)
    with pytest.raises(RepoError, match="vae"), scale.stage_line(edited, stages):
        pass


def test_a_pipeline_of_nothing_but_blocks() -> None:
    pipe = pipeline(first=Add(amount=2), second=Add(amount=3))
    profile = scale.stage_profile(pipe, "x", x=1)
    stages = pipe.plan(["x"]).stages(["cpu", "cpu"], profile, before=["second"])
    with scale.stage_line(pipe, stages, on="here") as line:
        assert line("x", x=1) == 6
        assert list(line.stream([{"x": each} for each in range(3)], "x")) == [5, 6, 7]
