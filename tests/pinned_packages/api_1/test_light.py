"""The package's own tests, written against API 1. Nobody edits them to make them pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import brickwork
from brickwork.engine.events import StepFinished
from brickwork.guiders import GuidanceStep, NoiseLevel
from brickwork.testing import check_block

HERE = Path(__file__).parent
TWO = {"conditional": torch.full((1, 1, 2, 2), 2.0), "unconditional": torch.ones(1, 1, 2, 2)}
INPUTS: dict[str, Any] = {"prompt": "a red circle", "num_inference_steps": 2, "output": "images"}


def seed(number: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def made(block: Any) -> Any:
    pipe = block.init_pipeline()
    pipe.configure(progress=False)
    return pipe


@pytest.fixture(scope="module")
def pipe() -> Any:
    found = brickwork.embedded()
    found.configure(progress=False)
    return found


def test_a_block_passes_the_check() -> None:
    from pinned_light.blocks import AddI, Lift

    assert check_block(AddI) is not None
    assert Lift().run(latents=torch.zeros(1, 4, 2, 2), lift=0.5).latents.max() == 0.5


def test_values_and_options_are_looked_at() -> None:
    from pinned_light.blocks import Lift, Warm

    with pytest.raises(brickwork.InputError, match="lift is 2.0; it must be between 0 and 1"):
        made(Lift())(latents=torch.zeros(1, 4, 2, 2), lift=2.0)
    with pytest.raises(brickwork.InputError, match="by is -1.0; it is 0"):
        made(Warm(by=-1.0))(images=[])
    with pytest.raises(brickwork.DeclarationError):

        class Wrong(brickwork.Block):
            def run(self, x: int) -> None:
                return None

            class Out(brickwork.Outputs):
                y: int


def test_components_and_settings_are_there() -> None:
    from pinned_light.blocks import Scaled

    scaled = made(Scaled())
    assert scaled(width=65, output="cells") == 8
    scaled.update_config(rounds_up=True)
    assert scaled(width=65, output="cells") == 9


def test_loops_choices_and_scopes_run() -> None:
    from pinned_light.blocks import ByTotal, Count, CountAgain

    assert made(Count())(times=4, total=0, output="total") == 6
    again = CountAgain(inputs={"times": "more"}, outputs={"total": "other"})
    blocks = brickwork.SequentialPipelineBlocks.from_blocks_dict({"count": Count(), "again": again})
    assert made(blocks)(times=4, more=3, total=0, output=["total", "other"]) == {"total": 6, "other": 3}
    assert made(ByTotal())(total=2, times=3, output="total") == 5
    assert made(ByTotal())(total=20, times=3, output="total") == 20


def test_blocks_in_the_style_of_diffusers_run() -> None:
    from pinned_light.older import DownLoop, Halve

    assert made(Halve())(x=3.0, output="half") == 1.5
    assert made(DownLoop())(x=3.0, times=2, output="x") == 1.0


def test_a_choice_is_made_by_what_is_given(pipe: Any) -> None:
    from PIL import Image
    from pinned_light.blocks import AutoColour

    colour = made(AutoColour())
    images = [Image.new("RGB", (8, 8), (200, 20, 20))]
    assert len(set(colour(images=images, grey=True, output="images")[0].getpixel((0, 0)))) == 1
    assert colour(images=images, output="images")[0].getpixel((0, 0))[0] > 200


@pytest.mark.parametrize("name", ["Steady", "WithoutFeedForward", "Bounded", "Alternate"])
def test_guiders_guide(pipe: Any, name: str) -> None:
    from pinned_light import guiders

    guider = getattr(guiders, name)()
    plain = pipe(**INPUTS, generator=seed())[0]
    assert pipe(**INPUTS, generator=seed(), guider=guider)[0].tobytes() != plain.tobytes()


def test_guiders_compute_what_they_say() -> None:
    from pinned_light.guiders import Alternate, Bounded, Steady

    first, direction = Steady(guidance_scale=2.0).combine(TWO, GuidanceStep(0, 2))
    assert (first.max(), direction.max()) == (3.0, 1.0)
    level = NoiseLevel(torch.zeros(1, 1, 2, 2), signal=0.6, noise=0.8, predicts="sample", timestep=500.0)
    assert Bounded().combine(TWO, GuidanceStep(0, 4, level))[0].max() == 1.5
    assert [len(Alternate().branches(GuidanceStep(i, 4))) for i in range(4)] == [1, 2, 1, 2]


def test_a_score_guides(pipe: Any) -> None:
    from pinned_light.guiders import left_is_bright

    guider = brickwork.ClassifierGuidance(score=left_is_bright, classifier_scale=100.0)
    assert pipe(**INPUTS, generator=seed(), guider=guider)[0].size == (64, 64)


def test_a_part_tells_the_denoiser_more() -> None:
    from pinned_light.blocks import Nudge

    from brickwork.blocks import PredictNoise
    from brickwork.families.sdxl import SDXL

    pipe = brickwork.embedded()
    pipe.configure(progress=False)
    pipe.blocks.replace("denoise.denoiser", PredictNoise.plus(Nudge).bind(SDXL)())
    plain = pipe(**INPUTS, generator=seed())[0]
    assert pipe(**INPUTS, nudge=0.5, generator=seed())[0].tobytes() != plain.tobytes()


def test_a_family_refuses_what_it_does_not_know(pipe: Any) -> None:
    small = brickwork.find_preset("pinned-light/small.text2image").init_pipeline()
    small.update_components(**{name: pipe.components[name] for name in pipe.pretrained_component_names})
    small.configure(progress=False)
    with pytest.raises(brickwork.InputError, match="height is 128; this checkpoint knows 64 pixels at most"):
        small(**INPUTS, height=128)
    assert small(**INPUTS, generator=seed())[0].size == (64, 64)


def test_the_workflow_runs_and_comes_back(tmp_path: Path) -> None:
    from pinned_light.guiders import Steady

    pipe = brickwork.load_workflow(HERE / "light.yaml", guiders=[Steady]).load_components()
    pipe.configure(progress=False)
    steps: list[int] = []
    pipe.configure(listeners=[lambda event: steps.append(event.index) if isinstance(event, StepFinished) else None])
    (image,) = pipe("a red circle", output="images")
    assert steps == [0, 1]
    assert (pipe.guider.keep, pipe.blocks["warm"].by) == (0.25, 2.0)
    brickwork.save(image, tmp_path / "light.png")
    again = brickwork.replay(tmp_path / "light.png", guiders=[Steady])
    assert again.tobytes() == image.tobytes()
    brickwork.save_workflow(pipe, tmp_path / "again.yaml")
    assert (
        "pinned_light" in (tmp_path / "again.yaml").read_text()
        or "pinned-light" in (tmp_path / "again.yaml").read_text()
    )
    pipe.blocks.save_pretrained(tmp_path / "blocks")
    # An installed package is named, and its code not copied.
    assert not list((tmp_path / "blocks").glob("pinned*"))
    opened = brickwork.ModularPipelineBlocks.from_pretrained(tmp_path / "blocks")
    assert list(opened.sub_blocks) == list(pipe.blocks.sub_blocks)
