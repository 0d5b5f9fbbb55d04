"""Images that a denoiser reads in further tokens, and a text encoder that sees them: what the rows of the table do not ask."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from coarse_images import picture
from family_rows import flux2_klein, qwenimage

from brickwork import InputError
from brickwork.blocks.techniques.references import references_of
from brickwork.families.flux2 import FLUX2

EDIT, PLUS, KLEIN = "edit", "edit plus", "references"


def drawn(task: str, **given: Any) -> Any:
    family = qwenimage.FAMILY
    pipe = family.pipe(task, "plain", family.tasks[task].blocks, "batched")
    own = {**family.parts("float32"), "processor": qwenimage.SEEING["processor"]()}
    pipe.update_components(**{name: part for name, part in own.items() if name in pipe.component_names})
    asked = {**family.tasks[task].given, **family.tasks[task].mine, "output_type": "latent", "num_inference_steps": 1}
    return pipe(**{**asked, "seed": 1, **given}, output="images")


def test_one_image_serves_every_prompt_and_several_are_one_each() -> None:
    one = drawn(EDIT, image=qwenimage.EXACT)
    # A batch of images is rounded otherwise than one.
    assert torch.allclose(one, drawn(EDIT, image=[qwenimage.EXACT] * 2), atol=1e-4)
    assert not torch.allclose(one, drawn(EDIT, image=[qwenimage.EXACT, qwenimage.EXACT.rotate(180)]), atol=1e-4)
    with pytest.raises(InputError, match="3 images were given for 2 prompts; give one, or one for each prompt"):
        drawn(EDIT, image=[qwenimage.EXACT] * 3)


def test_each_prompt_is_told_every_image_of_several() -> None:
    both = drawn(PLUS, prompt=["a red circle", "two cat"], seed=[1, 2])
    alone = drawn(PLUS, prompt="two cat", seed=2)
    assert float((both[1:] - alone).abs().max()) < 1e-4


def test_the_size_is_that_of_an_image_unless_one_is_asked_for() -> None:
    tall, wide = picture(3).resize((64, 128)), picture(4).resize((128, 64))
    sizeless = {"height": None, "width": None, "max_area": 64 * 32, "prompt": "a cat"}
    assert drawn(EDIT, **sizeless, image=tall).shape[-2:] == (8, 4)
    assert drawn(PLUS, **sizeless, image=[tall, wide]).shape[-2:] == (4, 8)
    assert drawn(PLUS, **{**sizeless, "height": 48}, image=[tall, wide]).shape[-2:] == (6, 8)
    assert drawn(EDIT, **{**sizeless, "height": 32, "width": 32}, image=tall).shape[-2:] == (4, 4)


def test_an_area_that_leaves_a_reference_no_pixels_is_refused() -> None:
    wide = picture(4).resize((16, 8))
    with pytest.raises(InputError, match="max_area is 1, of which an image of 8x16 has no pixels left; give more"):
        references_of(FLUX2, wide, 1)


def test_without_an_image_the_prompt_alone_is_read() -> None:
    assert drawn(EDIT, image=None).shape == (2, 16, 4, 6)


def test_latents_are_read_as_references_and_no_encoder_sees_them() -> None:
    latents = torch.zeros(1, 16, 4, 8)
    with pytest.raises(InputError, match="image is latents, and the text encoder sees pixels: give the image itself"):
        drawn(EDIT, image=latents, prompt="a cat")
    family = flux2_klein.FAMILY
    squares = torch.zeros(1, 128, 2, 3)
    given = {"output_type": "latent", "num_inference_steps": 1}
    told = family.draw(KLEIN, image=squares, **given)
    assert not torch.equal(told, family.draw(KLEIN, image=squares + 1, **given))
    assert family.draw(KLEIN, image=squares, without=("height", "width"), **given).shape[-2:] == (2, 3)
    with pytest.raises(InputError, match="image: .*|no image"):
        family.draw(KLEIN, image="nowhere.png")
