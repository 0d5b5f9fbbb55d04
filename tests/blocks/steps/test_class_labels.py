"""Classes that a network may know, or not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from family_rows.consistency import FAMILY, unet

from brickwork import InputError


def drawn(classes: int | None = 10, **given: Any) -> torch.Tensor:
    torch.manual_seed(1)
    own = {} if classes == 10 else {"unet": unet(num_class_embeds=classes).eval()}
    pipe = FAMILY.ready("class2image")
    pipe.update_components(**own)
    found: torch.Tensor = pipe(**given, output_type="pt", seed=3, output="images")
    return found


def test_there_are_as_many_images_as_classes_where_nobody_says() -> None:
    assert drawn(class_labels=3).shape[0] == 1
    assert drawn(class_labels=[3, 4, 5]).shape[0] == 3
    assert drawn(class_labels=3, batch_size=2).shape[0] == 2
    assert drawn(class_labels=[3, 4], num_images_per_prompt=2).shape[0] == 4
    assert drawn(None, batch_size=2).shape[0] == 2
    assert drawn(None).shape[0] == 1


@pytest.mark.parametrize(
    ("classes", "given", "words"),
    [
        (10, {}, "The denoiser was trained with classes: give class_labels, of 0 to 9, one for all images or one for each"),
        (10, {"class_labels": [3, 10]}, "class_labels hold 10; the denoiser knows the classes 0 to 9."),
        (None, {"class_labels": 3}, "class_labels are given, and the denoiser was trained without classes; leave them out."),
        (10, {"class_labels": [3, 4], "batch_size": 4}, "class_labels hold 2 classes for batch_size=4; give one for all"),
        (10, {"class_labels": 3, "guidance_scale": 2.0}, "the denoiser of consistency is told nothing that guidance could"),
    ],
)  # fmt: skip
def test_classes_that_do_not_fit_are_refused(classes: int | None, given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        drawn(classes, **given)
    assert words in str(caught.value)
