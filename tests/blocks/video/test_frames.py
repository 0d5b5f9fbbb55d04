"""What is read as a video, how frames are counted, and what words of latents are for a family of videos."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from brickwork.blocks.core.binding import in_medium
from brickwork.blocks.steps.denoise import StepScheduler
from brickwork.blocks.video.latents import PrepareVideoLatents
from brickwork.families.sdxl import SDXL
from brickwork.families.video.ltx import LTX
from brickwork.families.video.wan import WAN
from brickwork.guiders.methods.pyramid import laplacian_pyramid, sum_of_pyramid
from brickwork.state.vocabulary import Height, Images, Latents, Mask, value_of


def shape(hint: Any, family: Any) -> str:
    value = value_of(in_medium(hint, family))
    assert value is not None
    return value.shape


def test_latents_of_videos_have_frames_before_their_rows() -> None:
    assert shape(Latents, WAN) == shape(Latents | None, WAN) == "b c f h w"
    assert shape(Mask, WAN) == "b 1 f h w"
    assert shape(Latents, SDXL) == "b c h w"
    assert in_medium(Images, WAN) is in_medium(Images, SDXL) or shape(Images, WAN) == ""
    assert in_medium(int, WAN) is int
    assert shape(Height, WAN) == ""


def test_shared_blocks_say_so_when_they_are_bound() -> None:
    for block in (StepScheduler, PrepareVideoLatents):
        (made,) = [param for param in block.bind(WAN)().intermediate_outputs if param.name == "latents"]
        value = value_of(made.type_hint)
        assert value is not None
        assert value.shape == "b c f h w"


@pytest.mark.parametrize(
    ("frames", "fault"),
    [(1, None), (5, None), (81, None), (4, "The nearest are 1 and 5"), (82, "The nearest are 81 and 85")],
)
def test_a_vae_makes_one_frame_and_some_more(frames: int, fault: str | None) -> None:
    vae = SimpleNamespace(config=SimpleNamespace(scale_factor_temporal=4))
    said = WAN.frame_fault(vae, frames)
    assert said is None if fault is None else said is not None and fault in said
    assert WAN.latent_frames(vae, 81) == 21


def test_a_vae_without_a_factor_makes_any_number() -> None:
    vae = SimpleNamespace(config=SimpleNamespace(scale_factor_temporal=1))
    assert WAN.frame_fault(vae, 6) is None
    assert WAN.latent_frames(vae, 6) == 6


def test_the_factors_of_a_vae_are_said_or_counted() -> None:
    stages = {"patch_size": 4, "patch_size_t": 1, "spatio_temporal_scaling": (True, True, True, False)}
    counted = SimpleNamespace(
        config=SimpleNamespace(**stages, spatial_compression_ratio=None, temporal_compression_ratio=None)
    )
    said = SimpleNamespace(config=SimpleNamespace(**stages, spatial_compression_ratio=16, temporal_compression_ratio=2))
    assert (LTX.vae_scale_factor(counted), LTX.temporal_factor(counted)) == (32, 8)
    assert (LTX.vae_scale_factor(said), LTX.temporal_factor(said)) == (16, 2)


def test_tokens_become_latents_again() -> None:
    latents = torch.randn(2, 3, 2, 4, 5)
    tokens = LTX.tokens_of(latents)
    assert tokens.shape == (2, 40, 3)
    assert torch.equal(LTX.latents_of(tokens, latents), latents)


def test_bands_of_a_video_are_those_of_its_frames() -> None:
    video = torch.randn(2, 3, 4, 8, 8)
    bands = laplacian_pyramid(video, 3)
    alone = laplacian_pyramid(video[1:, :, 2], 3)
    for band, own in zip(bands, alone, strict=True):
        assert torch.allclose(band[1:, :, 2], own, atol=1e-6)
    assert torch.allclose(sum_of_pyramid(bands), video, atol=1e-6)


def test_a_sound_has_bands_along_time_alone() -> None:
    sound = torch.randn(2, 3, 9, generator=torch.Generator().manual_seed(1))
    bands = laplacian_pyramid(sound, 3)
    assert [tuple(band.shape) for band in bands] == [(2, 3, 9), (2, 3, 4), (2, 3, 2)]
    assert torch.allclose(sum_of_pyramid(bands), sound, atol=1e-6)
    long = torch.randn(1, 3, 64, generator=torch.Generator().manual_seed(2))
    as_rows = laplacian_pyramid(long[:, :, None].expand(-1, -1, 64, -1), 2)[0]
    assert torch.allclose(as_rows[:, :, 32, 16:48], laplacian_pyramid(long, 2)[0][..., 16:48], atol=1e-6)
