"""AnimateDiff: repositories of both layouts open, a UNet of images and an adapter are one of videos, and what does not fit."""

from __future__ import annotations

from pathlib import Path

import diffusers
import pytest
import torch
from family_rows import animatediff
from family_table import families
from PIL import Image
from tiny_sd import unet

from brickwork import InputError, ModularPipeline, export_to_video
from brickwork.families.contract import bound_family
from brickwork.families.video.animatediff import ANIMATEDIFF
from brickwork.pipeline import Previews
from brickwork.presets.animatediff import with_motion

FAMILY = families()["animatediff"]
GIVEN = {**FAMILY.tasks["text2video"].given, "num_inference_steps": 1, "num_frames": 2}


@pytest.mark.parametrize("name", ["animatediff", "animatediff_xl"])
def test_a_repository_of_either_layout_draws_what_the_classic_draws(name: str, tmp_path: Path) -> None:
    family = families()[name]
    cls = family.tasks["text2video"].classic
    classic = family.classic(cls, family.parts("float32"))
    classic.save_pretrained(tmp_path / "classic")
    opened = ModularPipeline.from_pretrained(str(tmp_path / "classic")).load_components()
    opened.save_pretrained(tmp_path / "saved")
    again = ModularPipeline.from_pretrained(str(tmp_path / "saved")).load_components()
    expected = family.drawn_by(classic, {**GIVEN, "output_type": "pt", "generator": torch.Generator().manual_seed(7)})
    for pipe in (opened, again):
        pipe.configure(progress=False)
        state = pipe(**GIVEN, output_type="pt", generator=torch.Generator().manual_seed(7))
        assert torch.equal(state.videos, expected)
        assert state.frame_rate == 8.0


def test_an_image_unet_with_an_adapter_is_what_the_classic_makes_of_both() -> None:
    still, adapter = unet(), animatediff.motion()
    theirs = diffusers.UNetMotionModel.from_unet2d(still, adapter).state_dict()
    made = with_motion(still, adapter)
    assert all(torch.equal(each, theirs[name]) for name, each in made.state_dict().items())
    assert not made.training


def test_more_frames_than_the_motion_modules_have_places_for_are_refused() -> None:
    with pytest.raises(InputError, match="The video has 33 frames, and the motion modules have places for 32"):
        FAMILY.draw("text2video", num_frames=33, num_inference_steps=1)


def test_layers_are_those_that_look_at_one_frame() -> None:
    paths = [layer.path for layer in ANIMATEDIFF.layers(FAMILY.parts("float32")["unet"])]
    assert len(paths) == 4
    assert not any("motion_modules" in path for path in paths)


def test_each_of_several_videos_of_a_given_one_has_its_own_draw() -> None:
    given = {"video": animatediff.VIDEOS[0], "prompt": "a red circle", "negative_prompt": "blue"}
    both = FAMILY.draw("video2video", **given, num_images_per_prompt=2, seed=[3, 4])
    for row, seed in zip(both, (3, 4), strict=True):
        alone = FAMILY.draw("video2video", **given, seed=seed)[0]
        assert float((alone - row).abs().max()) < 1e-4


@pytest.mark.parametrize("name", ["animatediff", "svd"])
def test_previews_of_vaes_that_read_frames_as_images_are_loops_that_a_gif_keeps(name: str, tmp_path: Path) -> None:
    family = families()[name]
    task = next(iter(family.tasks))
    pipe = family.ready(task)
    contract = bound_family(pipe.blocks.sub_blocks.values())
    previews = Previews(pipe.components["vae"], contract, loops=True)
    pipe.configure(listeners=[previews])
    try:
        family.draw(task, num_inference_steps=2)
    finally:
        pipe.configure(listeners=[])
    assert [len(video) for video in previews.videos] == [3, 3]
    assert [video[1].tobytes() for video in previews.videos] == [image.tobytes() for image in previews.images]
    export_to_video(previews.videos[-1], tmp_path / "preview.gif", 8.0)
    with Image.open(tmp_path / "preview.gif") as made:
        assert made.size == previews.images[0].size
