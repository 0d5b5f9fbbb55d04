"""Inpainting with denoisers that read the mask (9 channels), and on the surroundings of a mask, beside the classic pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from coarse_images import half_mask, picture, square_mask
from diffusers import DDIMScheduler, EulerAncestralDiscreteScheduler, UNet2DConditionModel
from tiny_adapters import controlnet

from brickwork import CompositionError, InputError, ModularPipeline, SequentialPipelineBlocks
from brickwork.presets.sdxl import INPAINT_BLOCKS, AutoBlocks, with_control


def reading_masks(unet: Any, channels: int = 9) -> Any:
    torch.manual_seed(11)
    return UNet2DConditionModel(
        **{**{k: v for k, v in unet.config.items() if not k.startswith("_")}, "in_channels": channels}
    ).eval()


def pipelines(
    tiny_folder: Path, tiny_pipe: ModularPipeline, blocks: Any = INPAINT_BLOCKS, classic: Any = None, **parts: Any
) -> tuple[ModularPipeline, Any]:
    made = AutoBlocks() if blocks is None else SequentialPipelineBlocks.from_blocks_dict(blocks)
    pipe = made.init_pipeline(str(tiny_folder))
    held = {name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names}
    pipe.update_components(**{**held, **parts})
    pipe.configure(progress=False)
    cls = classic or diffusers.StableDiffusionXLInpaintPipeline
    theirs = cls(**{**held, **parts}, add_watermarker=False)
    theirs.set_progress_bar_config(disable=True)
    return pipe, theirs


GIVEN: dict[str, Any] = {"prompt": "a red circle", "num_inference_steps": 4, "image": picture(3), "mask_image": half_mask(),
                         "height": 64, "width": 64, "guidance_scale": 5.0}  # fmt: skip


def both(ours: ModularPipeline, theirs: Any, output_type: str = "latent", **inputs: Any) -> tuple[Any, Any]:
    given = {**GIVEN, **inputs}
    mine = ours(**given, output_type=output_type, generator=torch.Generator().manual_seed(7), output="images")
    return mine, theirs(**given, output_type=output_type, generator=torch.Generator().manual_seed(7)).images


@pytest.mark.parametrize("blocks", [INPAINT_BLOCKS, None], ids=["preset", "auto"])
@pytest.mark.parametrize(
    "inputs",
    [{"strength": 0.6}, {"strength": 1.0}, {}, {"strength": 0.8, "num_images_per_prompt": 2, "prompt": ["a cat", "a circle"]},
     {"guidance_scale": 1.0}, {"strength": 0.9, "denoising_start": 0.3}],
    ids=str,
)  # fmt: skip
def test_a_denoiser_that_reads_the_mask(
    blocks: Any, inputs: dict[str, Any], tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    ours, theirs = pipelines(tiny_folder, tiny_pipe, blocks, unet=reading_masks(tiny_pipe.unet))
    mine, expected = both(ours, theirs, **inputs)
    assert torch.equal(mine, expected)


@pytest.mark.parametrize("cls", [DDIMScheduler, EulerAncestralDiscreteScheduler])
def test_with_solvers_that_draw(cls: Any, tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    scheduler = cls.from_config(tiny_pipe.scheduler.config)
    ours, theirs = pipelines(tiny_folder, tiny_pipe, unet=reading_masks(tiny_pipe.unet), scheduler=scheduler)
    mine, expected = both(ours, theirs, strength=0.8)
    assert torch.equal(mine, expected)


def test_masked_latents_of_the_caller_s_own(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    ours, theirs = pipelines(tiny_folder, tiny_pipe, unet=reading_masks(tiny_pipe.unet))
    own = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    mine, expected = both(ours, theirs, strength=0.8, masked_image_latents=own)
    assert torch.equal(mine, expected)


@pytest.mark.parametrize("channels", [4, 9])
@pytest.mark.parametrize("cls", [EulerAncestralDiscreteScheduler, DDIMScheduler])
def test_latents_of_the_caller_s_own(cls: Any, channels: int, tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    unet = reading_masks(tiny_pipe.unet) if channels == 9 else tiny_pipe.unet
    scheduler = cls.from_config(tiny_pipe.scheduler.config)
    ours, theirs = pipelines(tiny_folder, tiny_pipe, unet=unet, scheduler=scheduler)
    own = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    mine, expected = both(ours, theirs, strength=0.8, latents=own)
    assert torch.equal(mine, expected)


def test_reading_the_mask_and_steered(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    classic = diffusers.StableDiffusionXLControlNetInpaintPipeline
    parts = {"unet": reading_masks(tiny_pipe.unet), "controlnet": controlnet(tiny_pipe.unet)}
    ours, theirs = pipelines(tiny_folder, tiny_pipe, with_control(INPAINT_BLOCKS), classic, **parts)
    mine, expected = both(ours, theirs, strength=0.8, control_image=picture(8))
    assert torch.equal(mine, expected)


@pytest.mark.parametrize("blocks", [INPAINT_BLOCKS, None], ids=["preset", "auto"])
@pytest.mark.parametrize("channels", [4, 9])
@pytest.mark.parametrize("margin", [0, 8])
def test_only_the_surroundings_of_the_mask_are_worked_on(
    margin: int, channels: int, blocks: Any, tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    unet = tiny_pipe.unet if channels == 4 else reading_masks(tiny_pipe.unet)
    ours, theirs = pipelines(tiny_folder, tiny_pipe, blocks, unet=unet)
    mine, expected = both(ours, theirs, "pil", strength=0.8, mask_image=square_mask(), padding_mask_crop=margin)
    assert [image.tobytes() for image in mine] == [image.tobytes() for image in expected]
    changed = np.abs(np.asarray(mine[0], dtype=int) - np.asarray(picture(3), dtype=int)).sum(axis=2) > 0
    assert not changed[np.asarray(square_mask()) == 0].any(), "outside of the mask nothing changes"


def test_a_blurred_mask_is_one_that_was_blurred_before(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    ours, theirs = pipelines(tiny_folder, tiny_pipe)
    soft = theirs.mask_processor.blur(square_mask(), 4)
    given = {"strength": 0.8, "padding_mask_crop": 8}
    _, expected = both(ours, theirs, "pil", mask_image=soft, **given)
    mine = ours(
        **{**GIVEN, **given, "mask_image": square_mask()},
        mask_blur=4,
        generator=torch.Generator().manual_seed(7),
        output="images",
    )
    assert mine[0].tobytes() == expected[0].tobytes()


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"padding_mask_crop": 8, "output_type": "pt"}, "it needs output_type='pil'"),
        (
            {"padding_mask_crop": 8, "image": torch.rand(1, 3, 64, 64)},
            "padding_mask_crop works on PIL images, and image is another",
        ),
        ({"padding_mask_crop": -1}, "padding_mask_crop is -1"),
    ],
)
def test_mistakes_are_said(inputs: dict[str, Any], message: str, tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    ours, _ = pipelines(tiny_folder, tiny_pipe)
    with pytest.raises(InputError, match=message):
        ours(**{**GIVEN, **inputs}, output="images")


def test_latents_cannot_be_masked_for_a_denoiser_that_reads_pictures(
    tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    ours, _ = pipelines(tiny_folder, tiny_pipe, unet=reading_masks(tiny_pipe.unet))
    with pytest.raises(InputError, match="image is latents, which cannot be masked"):
        ours(**{**GIVEN, "image": torch.rand(1, 4, 8, 8), "mask_image": torch.ones(1, 1, 8, 8)}, output="images")


def test_a_margin_without_a_mask_is_said(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    ours, _ = pipelines(tiny_folder, tiny_pipe, None)
    with pytest.raises((InputError, CompositionError), match="mask_image"):
        ours(prompt="a cat", num_inference_steps=2, padding_mask_crop=8, output="images")
