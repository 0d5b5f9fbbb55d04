"""Previews of the embedded model show what the image will be."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

import brickwork
from brickwork import InputError, ModularPipeline, SequentialPipelineBlocks
from brickwork.pipeline import Previews
from brickwork.presets.ddpm import DDPM, UNCONDITIONAL_BLOCKS
from brickwork.presets.sdxl import SDXL


def pixels(image: Any, size: int) -> Any:
    return np.asarray(image.resize((size, size), Image.Resampling.BOX), dtype=float)


def test_previews_come_near_the_picture_step_by_step(embedded_pipe: ModularPipeline) -> None:
    previews = Previews(embedded_pipe.vae, SDXL, every=2)
    embedded_pipe.configure(listeners=[previews])
    image = embedded_pipe(
        prompt="a red apple on a blue background",
        num_inference_steps=12,
        generator=torch.Generator().manual_seed(3),
        output="images",
    )[0]
    embedded_pipe.configure(listeners=[])
    assert len(previews.images) == 6
    errors = [float(np.abs(pixels(preview, 16) - pixels(image, 16)).mean()) for preview in previews.images]
    assert errors[-1] < 25
    assert errors[-1] < errors[2] < errors[0]


@pytest.mark.parametrize("channels", [3, 1])
def test_previews_of_pixels_are_the_pixels(channels: int) -> None:
    unet = diffusers.UNet2DModel(
        sample_size=8,
        in_channels=channels,
        out_channels=channels,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        down_block_types=("DownBlock2D",) * 2,
        up_block_types=("UpBlock2D",) * 2,
    )
    pipe = SequentialPipelineBlocks.from_blocks_dict(UNCONDITIONAL_BLOCKS).init_pipeline()
    pipe.update_components(unet=unet, scheduler=diffusers.DDIMScheduler())
    previews = Previews(None, DDPM, scale=1)
    pipe.configure(listeners=[previews], progress=False)
    image = pipe(num_inference_steps=3, seed=1, output="images")[0]
    assert len(previews.images) == 3
    assert previews.images[-1].tobytes() == image.convert("RGB").tobytes()
    assert previews.images[0].tobytes() != previews.images[-1].tobytes()


def test_the_older_name_warns() -> None:
    pipe = brickwork.embedded()
    previews = Previews(pipe.vae, pipe.family)
    with pytest.warns(DeprecationWarning, match="Previews.images"):
        assert previews.pictures is previews.images


def test_a_vae_in_half_precision_is_fitted_in_a_copy_and_shows_the_same(embedded_pipe: ModularPipeline) -> None:
    half = copy.deepcopy(embedded_pipe.vae).half()
    latents = torch.randn(4, 16, 16, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        shown = Previews(half, SDXL).image(latents)
    expected = Previews(embedded_pipe.vae, SDXL).image(latents)
    assert shown is not None
    assert expected is not None
    assert float(np.abs(pixels(shown, 64) - pixels(expected, 64)).max()) <= 8
    assert {parameter.dtype for parameter in half.parameters()} == {torch.float16}
    assert not any(parameter.is_inference() for parameter in half.parameters())


def test_a_vae_that_overflows_on_a_device_is_fitted_in_float32_and_is_as_before(
    embedded_pipe: ModularPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = copy.deepcopy(embedded_pipe.vae).half()
    half.register_to_config(force_upcast=True)
    # Infinite in half precision; in float32 the norms after it take it away.
    half.decoder.conv_in.register_forward_hook(lambda layer, given, found: found * 1e6)
    # On a device it is no copy.
    monkeypatch.setattr("brickwork.pipeline.images.previews._quick", lambda vae: vae)
    assert Previews(half, SDXL).image(torch.ones(4, 16, 16)) is not None
    assert {parameter.dtype for parameter in half.parameters()} == {torch.float16}


def test_a_vae_that_decodes_nothing_finite_gives_no_previews_says_so_once_and_the_run_goes_on(
    embedded_pipe: ModularPipeline,
) -> None:
    broken = copy.deepcopy(embedded_pipe.vae)
    with torch.no_grad():
        broken.decoder.conv_out.bias.fill_(float("nan"))
    previews = Previews(broken, SDXL)
    inputs: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 2, "seed": 1, "output": "latents"}
    expected = embedded_pipe(**inputs)
    embedded_pipe.configure(listeners=[previews])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert torch.equal(embedded_pipe(**inputs), expected)
    embedded_pipe.configure(listeners=[])
    said = [str(each.message) for each in told if "previews" in str(each.message)]
    assert said == ["There are no previews: what the VAE decodes is not finite. Load it in float32."]
    assert previews.images == []


def test_a_vae_that_is_not_loaded_is_asked_for() -> None:
    with pytest.raises(InputError, match="Previews of stable-diffusion-xl need its VAE, and it is None. Load it first"):
        Previews(None, SDXL)
