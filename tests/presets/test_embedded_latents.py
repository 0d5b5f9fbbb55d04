"""The embedded model's latents behave as a large model's: unit variance, image to image, inpainting, linear previews."""

from __future__ import annotations

import random

import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from brickwork import ModularPipeline
from brickwork.presets.sdxl import IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS
from embedded_model.measure_adapters import with_models
from embedded_model.oracle import Oracle, as_picture
from embedded_model.scenes import SceneSource

OPTIONS = {"num_inference_steps": 20, "guidance_scale": 5.0}


@pytest.fixture(scope="module")
def red_circle(embedded_pipe: ModularPipeline) -> Image.Image:
    generator = torch.Generator().manual_seed(0)
    picture = embedded_pipe(prompt="a red circle on the left", generator=generator, output="images", **OPTIONS)[0]
    assert isinstance(picture, Image.Image)
    return picture


@pytest.fixture(scope="module")
def drawn(scene_source: SceneSource) -> Tensor:
    rng = random.Random(0)
    return scene_source.draw([scene_source.scene(rng) for _ in range(128)])


@torch.no_grad()
def encode(pipe: ModularPipeline, pictures: Tensor) -> Tensor:
    latents: Tensor = pipe.vae.encode(pictures).latent_dist.mean * pipe.vae.config.scaling_factor
    return latents


def test_the_latents_have_unit_variance(embedded_pipe: ModularPipeline, drawn: Tensor) -> None:
    latents = encode(embedded_pipe, drawn)
    assert latents.mean((0, 2, 3)).abs().max() < 0.3
    assert (latents.std((0, 2, 3)) - 1).abs().max() < 0.3


def test_a_linear_map_of_the_latents_is_a_preview(embedded_pipe: ModularPipeline, drawn: Tensor) -> None:
    latents = encode(embedded_pipe, drawn).permute(0, 2, 3, 1).reshape(-1, 4)
    design = torch.cat([latents, torch.ones(len(latents), 1)], 1)
    colours = F.avg_pool2d(drawn, 4).permute(0, 2, 3, 1).reshape(-1, 3)
    error = colours - design @ torch.linalg.lstsq(design, colours).solution
    assert (1 - error.var(0) / colours.var(0)).min() > 0.85


def test_image_to_image_changes_what_the_prompt_says_and_keeps_the_place(
    embedded_pipe: ModularPipeline, red_circle: Image.Image, oracle: Oracle
) -> None:
    pipe = with_models(IMAGE2IMAGE_BLOCKS, embedded_pipe)
    for strength in (0.5, 0.8):
        (picture,) = pipe(
            prompt="a blue circle on the left",
            image=red_circle,
            strength=strength,
            generator=torch.Generator().manual_seed(0),
            output="images",
            **OPTIONS,
        )
        assert oracle.shapes(picture) == [("circle", "blue")]
        ((x, y), (old_x, old_y)) = (oracle.places(image)[0] for image in (picture, red_circle))
        assert abs(x - old_x) < 0.05
        assert abs(y - old_y) < 0.05


def test_inpainting_adds_a_shape_and_leaves_the_rest(
    embedded_pipe: ModularPipeline, red_circle: Image.Image, oracle: Oracle
) -> None:
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (32, 0, 64, 64))
    (picture,) = with_models(INPAINT_BLOCKS, embedded_pipe)(
        prompt="a red circle and a blue square",
        image=red_circle,
        mask_image=mask,
        strength=1.0,
        generator=torch.Generator().manual_seed(0),
        output="images",
        **OPTIONS,
    )
    assert oracle.shapes(picture) == [("circle", "red"), ("square", "blue")]
    kept = abs(as_picture(picture)[:, :28] - as_picture(red_circle)[:, :28])
    assert kept.mean() < 0.02
