"""`check_block` takes blocks of diffusers' modular pipelines, as they are: adopted ones are run by their own code.

All blocks that run in three families are looked at; what does not hold of them is diffusers' own, and listed.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
import technique_families
import tiny_families
import torch
from coarse_images import half_mask, picture
from diffusers.modular_pipelines.flux import FluxAutoBlocks
from diffusers.modular_pipelines.stable_diffusion_3 import StableDiffusion3AutoBlocks
from diffusers.modular_pipelines.stable_diffusion_3.encoders import StableDiffusion3TextEncoderStep
from diffusers.modular_pipelines.stable_diffusion_xl import StableDiffusionXLAutoBlocks
from diffusers.modular_pipelines.stable_diffusion_xl.before_denoise import StableDiffusionXLInputStep
from seen_inputs import Seen, seen_inputs

from brickwork.blocks import adopt
from brickwork.blocks.core.from_diffusers import DiffusersComponents
from brickwork.families.tokenize import TOKENIZING
from brickwork.testing import check_block

EMBEDS = {
    "prompt_embeds": torch.ones(2, 4, 6),
    "negative_prompt_embeds": torch.zeros(2, 4, 6),
    "pooled_prompt_embeds": torch.ones(2, 5),
    "negative_pooled_prompt_embeds": torch.zeros(2, 5),
    "num_images_per_prompt": 2,
}
FAMILIES: dict[str, tuple[Any, Any]] = {
    "sdxl": (StableDiffusionXLAutoBlocks, lambda: technique_families.family("sdxl").parts("float32")),
    "flux": (FluxAutoBlocks, tiny_families.flux),
    "sd3": (StableDiffusion3AutoBlocks, tiny_families.stable_diffusion_3),
}
ASKED: dict[str, Any] = {
    "prompt": "a red cat", "num_inference_steps": 3, "height": 64, "width": 64, "output_type": "pt", "max_sequence_length": 32,
}  # fmt: skip
FROM = {"image": picture(), "strength": 0.6}
TASKS: list[Mapping[str, Any]] = [{}, FROM, {**FROM, "mask_image": half_mask()}]
NOT_ALONE = {
    **dict.fromkeys(
        ("StableDiffusionXLDenoiseStep", "StableDiffusionXLInpaintDenoiseStep"),
        "reads embeddings by their kind (denoiser_input_fields), which pipelines fill and a call by name does not",
    ),
    **dict.fromkeys(
        (
            "FluxSetTimestepsStep", "FluxImg2ImgSetTimestepsStep", "StableDiffusion3SetTimestepsStep",
            "StableDiffusion3Img2ImgSetTimestepsStep",
        ),
        "reads what its pipeline computes from components that it does not declare",
    ),
}  # fmt: skip
"""Blocks that do not run by themselves, each with why."""
NOT_AS_DECLARED = {
    "StableDiffusionXLDecodeStep": "images are declared as a list, and are a tensor for output_type='pt'",
    "FluxRoPEInputsStep": "txt_ids and img_ids are declared as lists of numbers, and are tensors",
    **dict.fromkeys(
        (
            "StableDiffusionXLPrepareAdditionalConditioningStep", "StableDiffusionXLImg2ImgPrepareAdditionalConditioningStep",
            "StableDiffusion3TextEncoderStep", "StableDiffusion3TextInputStep",
        ),
        "an output that is declared as a tensor is None where it is not needed",
    ),
}  # fmt: skip
"""Blocks whose outputs are others than they declare, each with how."""


@cache
def seen(name: str) -> dict[str, Seen]:
    blocks, make = FAMILIES[name]
    pipe, found = adopt(blocks).init_pipeline(), dict[str, Seen]()
    pipe.configure(progress=False)
    pipe.update_components(**{part: each for part, each in make().items() if part in pipe.component_names})
    for task in TASKS:
        asked = {**ASKED, **task, "generator": torch.Generator().manual_seed(0)}
        with seen_inputs() as now:
            pipe(**{key: value for key, value in asked.items() if key in pipe.blocks.input_names})
        found = {**now, **found}
    return found


@pytest.mark.rotating(3)
@pytest.mark.parametrize("name", FAMILIES)
def test_blocks_of_diffusers_do_what_pipelines_rely_on(name: str, request: pytest.FixtureRequest) -> None:
    found = seen(name)
    assert len(found) > 10
    slow = () if request.config.getoption("--long") else ("save and open", "threads", "dtypes", "device")
    for block in sorted(found.keys() - NOT_ALONE.keys()):
        each = found[block]
        left_out = (*slow, *(["outputs"] if block in NOT_AS_DECLARED else []))
        assert check_block(each.block, components=each.components, inputs=each.inputs, examples=1, skip=left_out)


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_listed_is_still_so(name: str) -> None:
    for block, each in seen(name).items():
        if block in NOT_ALONE or block in NOT_AS_DECLARED:
            report = check_block(
                each.block,
                components=each.components,
                inputs=each.inputs,
                examples=1,
                raise_faults=False,
                skip=["save and open", "threads"],
            )
            assert {fault.check for fault in report.faults} == {"runs" if block in NOT_ALONE else "outputs"}, report


def test_an_adopted_block_is_checked_as_ours_are() -> None:
    report = check_block(StableDiffusionXLInputStep, inputs=EMBEDS, raise_faults=False)
    assert report


def test_tokenizers_of_adopted_blocks_wait_for_each_other() -> None:
    """Found by `check_block`: a text was padded as another thread had asked."""
    tokenizer = tiny_families.stable_diffusion_3()["tokenizer"]
    adopted = adopt(StableDiffusion3TextEncoderStep)
    seen = DiffusersComponents(SimpleNamespace(tokenizer=tokenizer), adopted.foreign).tokenizer
    assert isinstance(seen, type(tokenizer))
    assert seen("a red cat").input_ids == tokenizer("a red cat").input_ids
    started = threading.Event()
    with TOKENIZING:
        waiting = threading.Thread(target=lambda: (seen("a red cat"), started.set()))
        waiting.start()
        assert not started.wait(0.2)
    waiting.join(30)
    assert started.is_set()
