"""ControlNets of Hunyuan-DiT in every task, for two of which diffusers has no pipeline."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from coarse_images import picture
from family_rows.hunyuan_dit import FAMILY, deep, net

from brickwork import SequentialPipelineBlocks
from brickwork.presets.hunyuan_dit import HunyuanDiTAutoBlocks, with_control


@pytest.fixture(scope="module")
def parts() -> dict[str, Any]:
    torch.manual_seed(11)
    return {**FAMILY.parts("float32"), "transformer": deep().eval(), "controlnet": net()}


def drawn(blocks: Any, parts: dict[str, Any], **given: Any) -> Any:
    made = blocks() if isinstance(blocks, type) else SequentialPipelineBlocks.from_blocks_dict(blocks)
    pipe = made.init_pipeline()
    pipe.configure(progress=False)
    own = {**parts, "scheduler": copy.deepcopy(parts["scheduler"])}
    pipe.update_components(**{name: part for name, part in own.items() if name in pipe.component_names})
    return pipe(**given, output_type="latent", seed=7, output="latents")


@pytest.mark.parametrize("task", ["text2image", "image2image", "inpainting"])
def test_control_of_no_weight_is_the_task_without_it(task: str, parts: dict[str, Any]) -> None:
    blocks, given = FAMILY.tasks[task].blocks, dict(FAMILY.tasks[task].given)
    shown = {**given, "control_image": picture(8, 32)}
    steered = with_control(blocks)
    plain = drawn(blocks, parts, **given)
    assert torch.equal(drawn(steered, parts, **shown, controlnet_conditioning_scale=0.0), plain)
    with_net = drawn(steered, parts, **shown)
    assert not torch.equal(with_net, plain)
    assert torch.equal(drawn(HunyuanDiTAutoBlocks, parts, **shown), with_net)
