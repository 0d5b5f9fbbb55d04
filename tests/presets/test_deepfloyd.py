"""DeepFloyd IF: repositories of both layouts open, and three stages in one composition are the three one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from classic_rows.deepfloyd import unet
from coarse_images import picture
from family_rows.deepfloyd import ASKED, FAMILY, UNCLEANED, larger
from sd_variants import UPSCALER
from tiny_sd import make_parts

from brickwork import InputError, ModularPipeline, SequentialPipelineBlocks
from brickwork.presets.deepfloyd import (
    DEEPFLOYD,
    ENLARGE_BLOCKS,
    TEXT2IMAGE_BLOCKS,
    THREE_STAGE_BLOCKS,
    TWO_STAGE_BLOCKS,
)
from brickwork.presets.sd import UPSCALE_BLOCKS

TEXT = {name: ASKED[name] for name in ("prompt", "negative_prompt")}


def pipe_of(blocks: Any, parts: dict[str, Any]) -> ModularPipeline:
    made = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline()
    made.update_components(**{name: part for name, part in parts.items() if name in made.component_names})
    made.configure(progress=False)
    return made


@pytest.fixture(scope="module")
def parts() -> dict[str, Any]:
    torch.manual_seed(5)
    return {**FAMILY.parts("float32"), **{name: make() for name, make in larger().items()}}


@pytest.mark.parametrize(
    ("cls", "blocks"),
    [(diffusers.IFPipeline, TEXT2IMAGE_BLOCKS), (diffusers.IFSuperResolutionPipeline, ENLARGE_BLOCKS)],
)
def test_a_repository_of_either_layout_opens(cls: Any, blocks: Any, parts: dict[str, Any], tmp_path: Path) -> None:
    is_large = cls is diffusers.IFSuperResolutionPipeline
    own = parts if is_large else FAMILY.parts("float32")
    FAMILY.classic(cls, own).save_pretrained(tmp_path / "classic")
    opened = ModularPipeline.from_pretrained(str(tmp_path / "classic")).load_components()
    opened.save_pretrained(tmp_path / "saved")
    again = ModularPipeline.from_pretrained(str(tmp_path / "saved")).load_components()
    given = {**TEXT, "num_inference_steps": 1, **({"image": picture(3, 16)} if is_large else {})}
    expected = pipe_of(blocks, own)(**given, output_type="pt", seed=7, output="images")
    for pipe in (opened, again):
        pipe.configure(progress=False)
        assert torch.equal(pipe(**given, output_type="pt", seed=7, output="images"), expected)


def two_stages(source: torch.Generator, parts: dict[str, Any]) -> torch.Tensor:
    """Return what both stages of the classic draw one after the other, in -1..1."""
    first = FAMILY.classic(diffusers.IFPipeline, FAMILY.parts("float32"))
    second = FAMILY.classic(diffusers.IFSuperResolutionPipeline, parts)
    asked: dict[str, Any] = {**TEXT, **UNCLEANED, "output_type": "pt", "generator": source}
    small = first(**asked, num_inference_steps=4, guidance_scale=3.0).images
    drawn: torch.Tensor = second(
        **asked, image=small, num_inference_steps=3, guidance_scale=2.0, noise_level=100, height=32, width=32
    ).images
    return drawn


def staged(parts: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Return the components of both stages, by their names in one composition."""
    first = {f"{before}small_{name}": part for name, part in FAMILY.parts("float32").items()}
    return {**{f"{before}{name}": part for name, part in parts.items()}, **first}


def test_two_stages_in_one_are_the_classics_in_a_row(parts: dict[str, Any]) -> None:
    both = pipe_of(TWO_STAGE_BLOCKS, staged(parts))
    drawn = both(
        **TEXT,
        small_num_inference_steps=4,
        small_guidance_scale=3.0,
        num_inference_steps=3,
        guidance_scale=2.0,
        noise_level=100,
        height=32,
        width=32,
        output_type="latent",
        generator=torch.Generator().manual_seed(7),
        output="images",
    )
    assert torch.equal(drawn, two_stages(torch.Generator().manual_seed(7), parts))


def test_three_stages_in_one_are_the_three_in_a_row(parts: dict[str, Any]) -> None:
    torch.manual_seed(6)
    last = {**make_parts(), **{name: make() for name, make in UPSCALER.items()}}
    asked: dict[str, Any] = {**TEXT, "num_inference_steps": 2, "noise_level": 30, "output_type": "pt"}
    source = torch.Generator().manual_seed(7)
    middle = (two_stages(source, parts) / 2 + 0.5).clamp(0, 1)
    expected = pipe_of(UPSCALE_BLOCKS, last)(**asked, image=middle, generator=source, output="images")
    every = pipe_of(THREE_STAGE_BLOCKS, {**last, **staged(parts, "stages_")})
    drawn = every(
        **asked,
        stages_small_num_inference_steps=4,
        stages_small_guidance_scale=3.0,
        stages_num_inference_steps=3,
        stages_guidance_scale=2.0,
        stages_noise_level=100,
        stages_height=32,
        stages_width=32,
        generator=torch.Generator().manual_seed(7),
        output="images",
    )
    assert torch.equal(drawn, expected)


@pytest.mark.parametrize("given", [{}, {"image": picture(3, 16), "small_pixels": torch.zeros(1, 3, 16, 16)}])
def test_the_second_stage_takes_one_small_image(given: dict[str, Any], parts: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"Give image=\.\.\., the small image that is made larger, or small_pixels="):
        pipe_of(ENLARGE_BLOCKS, parts)(**TEXT, num_inference_steps=1, **given)


def test_a_network_says_a_variance_or_none_and_which_layers_it_has_is_not_known() -> None:
    assert DEEPFLOYD.predicts_variance(unet())
    assert not DEEPFLOYD.predicts_variance(unet(out_channels=3))
    with pytest.raises(NotImplementedError, match="deepfloyd-if does not say which layers its denoiser has"):
        DEEPFLOYD.layers(unet())


def test_sides_that_the_network_cannot_halve_are_refused() -> None:
    with pytest.raises(InputError, match=r"The images are 15x16 \(height x width\), and the UNet halves them 1 times"):
        FAMILY.draw("text2image", height=15, width=16, num_inference_steps=1)
