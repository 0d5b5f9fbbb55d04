"""Repositories of Stable Diffusion 1 and 2 open by the class that their index names, and compute what diffusers computes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from coarse_images import half_mask, picture
from family_rows.stable_diffusion import CONTROLLED, FAMILY
from tiny_sd import safety_parts

from brickwork import ModularPipeline
from brickwork.presets.sd import NAMES
from brickwork.registry.catalog import VARIANT

IMAGE, MASK, CONTROL, ADAPTER = "image", "mask_image", "control_image", "adapter_image"
TASKS = {
    "StableDiffusionPipeline": set(),
    "StableDiffusionImg2ImgPipeline": {IMAGE},
    "StableDiffusionInpaintPipeline": {IMAGE, MASK},
    "StableDiffusionControlNetPipeline": {CONTROL},
    "StableDiffusionControlNetImg2ImgPipeline": {IMAGE, CONTROL},
    "StableDiffusionControlNetInpaintPipeline": {IMAGE, MASK, CONTROL},
    "StableDiffusionAdapterPipeline": {ADAPTER},
    "LatentConsistencyModelPipeline": set(),
    "LatentConsistencyModelImg2ImgPipeline": {IMAGE},
    "StableDiffusionInstructPix2PixPipeline": {IMAGE},
    "StableDiffusionDepth2ImgPipeline": {IMAGE},
    "StableDiffusionImageVariationPipeline": {IMAGE},
    "StableDiffusionUpscalePipeline": {IMAGE},
    "StableDiffusionLatentUpscalePipeline": {IMAGE},
}
GIVEN = {"image": picture(3), "mask_image": half_mask()}


def test_every_released_class_has_a_task() -> None:
    assert {name.partition(VARIANT)[0] for name in NAMES if "." not in name} == {*TASKS}


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("name", TASKS)
def test_a_class_opens_as_its_task_with_what_looks_at_images(name: str, checked: bool, tmp_path: Path) -> None:
    without = {} if checked else {"safety_checker": [None, None]}
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": name, **without}))
    pipe = ModularPipeline.from_pretrained(str(tmp_path))
    assert TASKS[name] == {IMAGE, MASK, CONTROL, ADAPTER} & set(pipe.blocks.input_names)
    assert ("safety_checker" in pipe.component_names) is (checked and "Depth" not in name and "LatentUp" not in name)


@pytest.mark.parametrize("task", CONTROLLED)
def test_a_saved_classic_draws_the_same(task: str, tmp_path: Path) -> None:
    options = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    classic: Any = FAMILY.tasks[task].classic
    made = classic(**FAMILY.parts("float32"), **options)
    made.set_progress_bar_config(disable=True)
    made.save_pretrained(tmp_path)
    pipe = ModularPipeline.from_pretrained(str(tmp_path)).load_components()
    pipe.configure(progress=False)
    given = {name: value for name, value in GIVEN.items() if name in pipe.blocks.input_names}
    asked = {"prompt": "a red circle", "num_inference_steps": 3, "output_type": "pt", **given}
    expected = made(**asked, generator=torch.Generator().manual_seed(1)).images
    assert torch.equal(pipe(**asked, generator=torch.Generator().manual_seed(1), output="images"), expected)


def test_a_repository_with_a_safety_checker_opens_with_it_and_is_saved_with_it(tmp_path: Path) -> None:
    parts = FAMILY.parts("float32")
    asked = {"prompt": ["a red circle", "two cat"], "num_inference_steps": 3, "output_type": "pil"}
    unchecked = diffusers.StableDiffusionPipeline(**parts, **FAMILY.classic_options)
    unchecked.set_progress_bar_config(disable=True)
    seen = unchecked(**asked, generator=torch.Generator().manual_seed(1)).images
    classic = diffusers.StableDiffusionPipeline(**parts, **safety_parts(seen))
    classic.set_progress_bar_config(disable=True)
    classic.save_pretrained(tmp_path / "classic")
    expected = classic(**asked, generator=torch.Generator().manual_seed(1))
    assert sorted(expected.nsfw_content_detected) == [False, True]
    pipe = ModularPipeline.from_pretrained(str(tmp_path / "classic")).load_components()
    pipe.save_pretrained(str(tmp_path / "ours"))
    for each in (pipe, ModularPipeline.from_pretrained(str(tmp_path / "ours")).load_components()):
        each.configure(progress=False)
        found = each(**asked, generator=torch.Generator().manual_seed(1))
        assert found.nsfw_content_detected == expected.nsfw_content_detected
        assert [one.tobytes() for one in found.images] == [one.tobytes() for one in expected.images]
