"""An image that is drawn small, enlarged, and changed by image to image of the same model."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from family_table import families
from technique_families import pipe_of
from torch.nn.functional import interpolate

from brickwork import CompositionError, InputError
from brickwork.presets.tasks import image2image
from brickwork.presets.two_passes import two_passes

OWN = {"num_inference_steps": 4, "second_num_inference_steps": 7, "strength": 0.6}


def in_two(name: str, made: Any = two_passes) -> Any:
    return pipe_of(name, lambda _, family: made(family))


@pytest.mark.parametrize("name", ["stable_diffusion", "flux", "dit", "ddpm"])
def test_two_passes_are_both_tasks_one_after_the_other(name: str) -> None:
    task = next(iter(families()[name].tasks))
    side = 32 if name in ("stable_diffusion", "flux") else 16
    given = {key: each for key, each in families()[name].tasks[task].given.items() if key != "num_inference_steps"}
    given |= {"height": side, "width": side, "output_type": "pt", "num_images_per_prompt": 2}
    found = in_two(name)(**given, **OWN, generator=torch.Generator().manual_seed(3), output="images")
    generator = torch.Generator().manual_seed(3)
    drawn = pipe_of(name, None, task)(**given, num_inference_steps=4, generator=generator, output="images")
    larger = interpolate(drawn, scale_factor=2, mode="bicubic", antialias=True).clamp(0, 1)
    again = pipe_of(name, lambda _, family: image2image(family), task)
    given = {**given, "height": 2 * side, "width": 2 * side}
    given = {key: each for key, each in given.items() if key in again.blocks.input_names}
    expected = again(**given, image=larger, strength=0.6, num_inference_steps=7, generator=generator, output="images")
    assert found.shape[-2:] == (2 * side, 2 * side)
    assert torch.equal(found, expected)


def test_an_image_is_enlarged_to_the_next_size_that_the_family_has() -> None:
    found = in_two("stable_diffusion")(
        prompt="a", height=32, width=48, enlarge_by=1.4, **OWN, seed=1, output_type="pt", output="images"
    )
    assert found.shape[-2:] == (48, 64)
    with pytest.raises(InputError, match=r"enlarge_by is 0\.5"):
        in_two("stable_diffusion")(prompt="a", enlarge_by=0.5, **OWN)


def test_what_is_drawn_in_two_passes_is_of_a_family() -> None:
    wrong: Any = "sdxl"
    with pytest.raises(CompositionError, match=r"two_passes\(family\) takes the contract of a family, .* 'sdxl'"):
        two_passes(wrong)
