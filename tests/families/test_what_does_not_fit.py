"""Components and inputs that do not go together are refused in words in every family, and what differs in form alone is taken."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from coarse_images import half_mask, picture
from technique_families import drawn, family, pipe_of
from tiny_sd import unet

from brickwork import InputError
from brickwork.presets.regions import with_regions

IMAGE = {"image": picture(3), "strength": 0.7, "num_inference_steps": 4}
SIZED = ("height", "width")


def vae(name: str, **config: Any) -> Any:
    made = copy.deepcopy(family(name).parts("float32")["vae"])
    made.register_to_config(**config)
    return made


def no_encoder(number: str) -> dict[str, None]:
    return dict.fromkeys((f"text_encoder{number}", f"tokenizer{number}"))


SD, FLUX = "stable_diffusion", "flux"
REFUSED: dict[str, tuple[str, str, Callable[[], dict[str, Any]], dict[str, Any], str]] = {
    "a UNet for inpainting": (SD, "text2image", lambda: {"unet": unet(in_channels=9)}, {}, "The denoiser reads 9 channels (in_channels), and is given 4 of latents: it was"),
    "an odd UNet": (SD, "inpainting", lambda: {"unet": unet(in_channels=5)}, {**IMAGE, "mask_image": half_mask()}, "The denoiser reads 5 channels (in_channels), and is given 4 of latents: it was"),
    "a UNet that edits nothing": (SD, "edit", lambda: {"unet": unet()}, {"image": picture(3)}, "The denoiser reads 4 channels (in_channels), and is given 4 of latents, 4 of reference_latents: it was"),
    "a solver without sigmas": (FLUX, "text2image", lambda: {"scheduler": diffusers.FlowMatchHeunDiscreteScheduler()}, {}, "FlowMatchHeunDiscreteScheduler takes no sigmas, by which the family sets the schedule"),
    "a misspelt prediction": (SD, "text2image", lambda: {"scheduler": diffusers.DDIMScheduler(prediction_type="epsilom")}, {}, "scheduler is a DDIMScheduler with prediction_type='epsilom', which is nothing that a network predicts: it is 'epsilon', 'v_prediction'"),
    "no CLIP": (FLUX, "text2image", lambda: no_encoder(""), {}, "pooled_prompt_embeds are made by text_encoder alone, and there is none: load it, or give all embeddings in place of prompt."),
    "no T5": (FLUX, "text2image", lambda: no_encoder("_2"), {}, "prompt_embeds are made by text_encoder_2 alone, and there is none"),
    "no shift": (FLUX, "text2image", lambda: {"vae": vae(FLUX, shift_factor=None)}, {}, "vae has shift_factor=None, by which flux brings latents to their scale"),
    "no scale": (SD, "text2image", lambda: {"vae": vae(SD, scaling_factor=None)}, {}, "vae has scaling_factor=None, by which stable-diffusion brings latents to their scale"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_in_words(case: str) -> None:
    name, task, parts, given, message = REFUSED[case]
    with pytest.raises(InputError) as error:
        # What edits an image has no size of its own.
        drawn(pipe_of(name, task=task, **parts()), name, SIZED if task == "edit" else (), **given)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("name", "task", "shape"),
    [(SD, "inpainting", (2, 4, 8, 8)), (FLUX, "image2image", (2, 16, 8, 8)), (FLUX, "inpainting", (2, 16, 8, 8))],
)
@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_given_latents_are_cast_in_tasks_with_an_image(
    name: str, task: str, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    given = torch.randn(shape, generator=torch.Generator().manual_seed(3)).to(dtype)
    pipe = pipe_of(name, task=task)
    asked = {**IMAGE, **({"mask_image": half_mask()} if task == "inpainting" else {})}
    found = [drawn(pipe, name, **asked, latents=latents) for latents in (given, given.float())]
    assert found[0].dtype == torch.float32
    assert torch.equal(*found)


@pytest.mark.parametrize("made", [np.asarray, torch.from_numpy], ids=["arrays", "tensors"])
def test_a_list_of_arrays_or_tensors_is_an_image_for_each_prompt(made: Callable[[Any], Any]) -> None:
    pipe = pipe_of(SD, task="image2image")
    pixels = [np.asarray(picture(seed), "float32") / 255 for seed in (3, 4)]
    batch = drawn(pipe, SD, SIZED, **{**IMAGE, "image": np.stack(pixels)})
    assert torch.equal(drawn(pipe, SD, SIZED, **{**IMAGE, "image": [made(each) for each in pixels]}), batch)


def test_a_unet_that_says_no_size_takes_the_one_that_is_given() -> None:
    pipe = pipe_of(SD, unet=unet(sample_size=None))
    assert drawn(pipe, SD).shape == (2, 4, 8, 8)
    for missing in SIZED:
        with pytest.raises(
            InputError, match=r"^The denoiser says no size of images \(sample_size=None\): give height= and"
        ):
            drawn(pipe, SD, (missing,))
    # Other sides than each other.
    assert drawn(pipe_of(SD, unet=unet(sample_size=(8, 12))), SD, SIZED).shape == (2, 4, 8, 12)


def test_no_regions_are_refused() -> None:
    pipe = pipe_of(SD, with_regions)
    with pytest.raises(InputError, match="region_prompts and region_masks are empty; give a region"):
        drawn(pipe, SD, region_prompts=[], region_masks=[])
