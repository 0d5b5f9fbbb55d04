"""What holds on every family, also where no pipeline of diffusers has the task."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from family_table import families

from brickwork import InputError, ModularPipeline

FAMILIES = families()
BY_TASK = {
    task: [name for name, each in FAMILIES.items() if task in each.tasks] for task in ("image2image", "inpainting")
}


@pytest.mark.parametrize("name", BY_TASK["inpainting"])
def test_the_known_area_comes_back_bit_for_bit(name: str) -> None:
    family = FAMILIES[name]
    pipe: ModularPipeline = family.pipe("inpainting", "plain", family.tasks["inpainting"].blocks, "batched")
    family.draw("inpainting")
    state = pipe(**{"output_type": "latent", "seed": 7, **family.tasks["inpainting"].given})
    seen = {key: state.values[key] for key in ("latents", "image_latents", "mask")}
    known = (seen["mask"] == 0).expand_as(seen["latents"])
    assert known.any()
    assert not known.all()
    assert torch.equal(seen["latents"][known], seen["image_latents"].expand_as(seen["latents"])[known])
    assert not torch.equal(seen["latents"], seen["image_latents"].expand_as(seen["latents"]))


@pytest.mark.parametrize("name", BY_TASK["image2image"])
def test_more_strength_is_less_of_the_image(name: str) -> None:
    """Run with as many steps as the strength leaves one and all of them."""
    given = FAMILIES[name].tasks["image2image"].given
    pixels = np.asarray(given["image"], dtype="float32") / 255
    drawn = [FAMILIES[name].draw("image2image", strength=strength) for strength in (1 / 7 + 0.01, 1.0)]
    assert all(torch.isfinite(each).all() for each in drawn)
    size = given.get("height", pixels.shape[0]), given.get("width", pixels.shape[1])
    assert drawn[0].shape[-2:] == size
    assert not torch.equal(*drawn)


@pytest.mark.parametrize("side", ["height", "width"])
def test_an_image_that_is_latents_is_not_resized(side: str) -> None:
    """Where no schedule depends on the size either."""
    latents = torch.zeros(1, 4, 8, 8)
    with pytest.raises(
        InputError, match=r"image is latents of 16x16 pixels, and the run is for .*: give height=16 and"
    ):
        FAMILIES["dit"].draw("image2image", image=latents, **{side: 32})
    FAMILIES["dit"].draw("image2image", image=latents, **{side: 16})


@pytest.mark.parametrize("name", FAMILIES)
def test_an_image_of_a_batch_is_the_image_alone(name: str) -> None:
    """With a seed for each: within 1e-4, as kernels round batches of other sizes otherwise."""
    family = FAMILIES[name]
    assert family.tasks
    task = next(iter(family.tasks))
    given = family.tasks[task].given
    both = family.draw(task, seed=[3, 4])
    for index, seed in enumerate((3, 4)):
        alone = {key: [value[index]] for key, value in given.items() if isinstance(value, list) and len(value) == 2}
        if "batch_size" in given:
            alone["batch_size"] = 1
        found = family.draw(task, seed=seed, **alone)
        assert float((found[0] - both[index]).abs().max()) < 1e-4
