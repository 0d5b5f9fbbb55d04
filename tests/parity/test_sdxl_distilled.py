"""UNets with guidance built in (latent consistency models) equal diffusers' own pipelines bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from coarse_images import picture
from diffusers import EulerDiscreteScheduler, LCMScheduler, UNet2DConditionModel

from brickwork import InputError, ModularPipeline, SequentialPipelineBlocks
from brickwork.families.guidance_embedding import embedded_scales
from brickwork.guiders import EmbeddedGuidance
from brickwork.presets.sdxl import IMAGE2IMAGE_BLOCKS, TEXT2IMAGE_BLOCKS


def distilled(unet: Any, width: int) -> Any:
    torch.manual_seed(12)
    config = {name: value for name, value in unet.config.items() if not name.startswith("_")}
    return UNet2DConditionModel(**{**config, "time_cond_proj_dim": width}).eval()


TASKS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "text2image": (TEXT2IMAGE_BLOCKS, diffusers.StableDiffusionXLPipeline, {"height": 64, "width": 64}),
    "image2image": (
        IMAGE2IMAGE_BLOCKS,
        diffusers.StableDiffusionXLImg2ImgPipeline,
        {"image": picture(3), "strength": 0.8},
    ),
}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("scheduler", [LCMScheduler, EulerDiscreteScheduler])
@pytest.mark.parametrize(
    "inputs", [{}, {"guidance_scale": 2.5}, {"prompt": ["a cat", "a circle"], "num_images_per_prompt": 2}], ids=str
)
def test_few_steps_with_guidance_built_in(
    task: str, scheduler: Any, inputs: dict[str, Any], tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    blocks, classic_class, given = TASKS[task]
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline(str(tiny_folder))
    parts = {name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names}
    parts |= {"unet": distilled(tiny_pipe.unet, 16), "scheduler": scheduler.from_config(tiny_pipe.scheduler.config)}
    pipe.update_components(**parts, guider=EmbeddedGuidance(guidance_scale=8.0))
    pipe.configure(progress=False)
    classic = classic_class(**parts, add_watermarker=False)
    classic.set_progress_bar_config(disable=True)
    asked = {"prompt": "a cat", "num_inference_steps": 4, **given, **inputs, "output_type": "latent"}
    mine = pipe(**asked, generator=torch.Generator().manual_seed(7), output="images")
    expected = classic(**{"guidance_scale": 8.0, **asked}, generator=torch.Generator().manual_seed(7)).images
    assert torch.equal(mine, expected)


@pytest.mark.parametrize("width", [16, 17])
def test_strengths_are_embedded_as_diffusers_does(width: int) -> None:
    expected = diffusers.StableDiffusionXLPipeline.get_guidance_scale_embedding(None, torch.tensor([7.0, 0.0]), width)
    assert torch.equal(embedded_scales([8.0, 1.0], width), expected)


def test_a_guider_that_does_not_tell_the_strength_is_refused(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline(str(tiny_folder))
    parts = {name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names}
    pipe.update_components(**{**parts, "unet": distilled(tiny_pipe.unet, 16)})
    with pytest.raises(
        InputError, match="unet has guidance built in, and ClassifierFreeGuidance does not tell it the strength"
    ):
        pipe(prompt="a cat", num_inference_steps=2, output="images")
    with pytest.raises(InputError, match="has no guidance built in"):
        tiny_pipe(prompt="a cat", num_inference_steps=2, output="images", guider=EmbeddedGuidance())
