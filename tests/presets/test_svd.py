"""Stable Video Diffusion: repositories of both layouts open, and what differs from the classic pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from coarse_images import picture
from family_table import families

from brickwork import (
    DynamicThresholding,
    FrameScaledGuidance,
    InputError,
    ModularPipeline,
    SequentialPipelineBlocks,
)
from brickwork.blocks.video.image_motion import resized
from brickwork.guiders import EmbeddedGuidance, GuidanceStep
from brickwork.presets.svd import IMAGE2VIDEO_BLOCKS

FAMILY = families()["svd"]
GIVEN = FAMILY.tasks["image2video"].given
SVD_DECODE = SequentialPipelineBlocks.from_blocks_dict({"decode": IMAGE2VIDEO_BLOCKS["decode"]})
SHORT = {"num_inference_steps": 1}


def classics(**inputs: Any) -> torch.Tensor:
    classic = FAMILY.classic(diffusers.StableVideoDiffusionPipeline, FAMILY.parts("float32"))
    drawn: torch.Tensor = FAMILY.drawn_by(classic, {**GIVEN, **SHORT, "output_type": "pt", **inputs})
    return drawn


def test_a_repository_of_either_layout_draws_what_the_classic_draws(tmp_path: Path) -> None:
    FAMILY.classic(diffusers.StableVideoDiffusionPipeline, FAMILY.parts("float32")).save_pretrained(
        tmp_path / "classic"
    )
    opened = ModularPipeline.from_pretrained(str(tmp_path / "classic")).load_components()
    opened.save_pretrained(tmp_path / "saved")
    again = ModularPipeline.from_pretrained(str(tmp_path / "saved")).load_components()
    expected = classics(generator=torch.Generator().manual_seed(7))
    for pipe in (opened, again):
        pipe.configure(progress=False)
        state = pipe(**{**GIVEN, **SHORT}, output_type="pt", generator=torch.Generator().manual_seed(7))
        assert torch.equal(state.videos, expected)
        assert state.frame_rate == 7.0


def test_the_rate_that_is_asked_for_is_that_of_the_video_and_frames_are_as_many_as_the_network_says() -> None:
    state = FAMILY.ready("image2video")(
        image=picture(3, 32), height=16, width=16, fps=12, output_type="pil", **SHORT, seed=7
    )
    assert state.frame_rate == 12.0
    assert [[frame.size for frame in video] for video in state.videos] == [[(16, 16)] * 3]


def test_each_of_several_videos_of_several_images_keeps_its_own_which_the_classic_mixes_up() -> None:
    """Its latents stand in another order there than what is seen."""
    seeds = [torch.Generator().manual_seed(seed) for seed in (1, 2, 3, 4)]
    drawn = FAMILY.draw("image2video", **SHORT, num_images_per_prompt=2, seed=None, generator=seeds)
    for index in range(4):
        own = torch.Generator().manual_seed(index + 1)
        alone = FAMILY.draw("image2video", **SHORT, image=GIVEN["image"][index // 2], seed=None, generator=own)
        assert float((drawn[index] - alone[0]).abs().max()) < 1e-4
    two = {"num_videos_per_prompt": 2, "noise_aug_strength": 0.0}
    whole = classics(**two, generator=torch.Generator().manual_seed(7))
    mine = FAMILY.draw(
        "image2video",
        **SHORT,
        num_images_per_prompt=2,
        noise_aug_strength=0.0,
        seed=None,
        generator=[torch.Generator().manual_seed(7)] * 4,
    )
    assert float((whole - mine).abs().max()) > 1e-3


def test_frames_that_are_decoded_together_are_of_one_video() -> None:
    """The classic counts on over all videos, so that frames of the second see some of the first."""
    latents = torch.randn(2, 4, 3, 8, 12, generator=torch.Generator().manual_seed(1))
    asked = {"output_type": "pt", "decode_chunk_size": 2}
    decode = SVD_DECODE.init_pipeline()
    decode.update_components(vae=FAMILY.parts("float32")["vae"])
    both = decode(latents=latents, **asked, output="videos")
    for row in range(2):
        alone = decode(latents=latents[row : row + 1], **asked, output="videos")
        assert torch.equal(alone[0], both[row])
    classic = FAMILY.classic(diffusers.StableVideoDiffusionPipeline, FAMILY.parts("float32"))
    frames = classic.decode_latents(latents.transpose(1, 2), 3, 2)
    theirs = classic.video_processor.postprocess_video(frames, output_type="pt")
    assert torch.equal(theirs[0, :2], both[0, :2])
    assert not torch.allclose(theirs[1], both[1], atol=1e-3)


def test_a_strength_for_each_frame_is_refused_where_images_are_drawn() -> None:
    with pytest.raises(
        InputError, match="FrameScaledGuidance guides each frame of a video by itself, and dit draws images"
    ):
        families()["dit"].draw("class2image", guider=FrameScaledGuidance())


def test_guiders_around_it_tell_frames_apart_too() -> None:
    inner = FrameScaledGuidance()
    assert DynamicThresholding(guider=inner).on_frames
    assert EmbeddedGuidance(guider=inner).on_frames
    assert not EmbeddedGuidance().on_frames
    assert not DynamicThresholding().on_frames


@pytest.mark.parametrize(
    ("settings", "is_guided"),
    [
        ({}, True),
        ({"guidance_scale": 1.0, "first_frame_scale": 2.0}, True),
        ({"guidance_scale": 1.0}, False),
        ({"enabled": False}, False),
        ({"stop": 0.0}, False),
        ({"start": 0.5}, False),
        ({"guidance_scale": [1.0, 3.0]}, False),
    ],
)
def test_a_step_is_guided_where_some_frame_is(settings: dict[str, Any], is_guided: bool) -> None:
    guider = FrameScaledGuidance(**settings)
    assert guider.is_guided(GuidanceStep(0, 4)) == is_guided
    assert len(guider.branches(GuidanceStep(0, 4))) == 1 + is_guided


def test_each_frame_has_its_strength_and_an_image_has_none() -> None:
    ones = {"unconditional": torch.ones(2, 1, 4, 1, 1), "conditional": torch.full((2, 1, 4, 1, 1), 2.0)}
    made = FrameScaledGuidance(guidance_scale=4.0, first_frame_scale=1.0).combine(ones, GuidanceStep(0, 4))[0]
    assert made[1].flatten().tolist() == [2.0, 3.0, 4.0, 5.0]
    plain = {name: each[:, :, 0] for name, each in ones.items()}
    with pytest.raises(
        InputError,
        match=r"FrameScaledGuidance guides videos \[b c f h w\], and was given a prediction of the shape \[2, 1, 1, 1\]",
    ):
        FrameScaledGuidance().combine(plain, GuidanceStep(0, 4))


def test_parts_of_a_video_are_decoded_only_where_the_vae_reads_frames() -> None:
    with pytest.raises(
        InputError,
        match="decode_chunk_size: the VAE of wan reads a video as one, and not frames; leave it out, and decode in tiles",
    ):
        families()["wan"].draw("text2video", decode_chunk_size=2)


def test_what_is_made_small_is_blurred_before_so_that_fine_stripes_are_grey() -> None:
    fine = torch.arange(64).remainder(2).float().mul(2).sub(1).expand(1, 3, 64, 64)
    assert float(resized(fine, 8).abs().max()) < 0.05
    assert float(torch.nn.functional.interpolate(fine, (8, 8)).abs().min()) == 1.0
    assert torch.allclose(resized(torch.full((1, 3, 64, 32), 0.4), 8), torch.tensor(0.4), atol=1e-5)
