"""Marigold: repositories of both layouts open, depth steers a ControlNet in one composition, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from coarse_images import picture
from family_rows.marigold import ASKED, FAMILY
from tiny_adapters import controlnet
from tiny_sd import make_parts, unet

from brickwork import InputError, ModularPipeline, SequentialPipelineBlocks
from brickwork.blocks.techniques.estimate import DecodeDepthControl
from brickwork.presets.marigold import MARIGOLD
from brickwork.presets.sd import TEXT2IMAGE_BLOCKS, with_control
from brickwork.presets.tasks_of_estimates import steered_by_depth

IMAGE = ASKED["image"][0]


def classic(cls: Any, **options: Any) -> Any:
    return FAMILY.classic(cls, FAMILY.parts("float32"), **options)


@pytest.mark.parametrize(
    ("cls", "options"),
    [
        (diffusers.MarigoldDepthPipeline, {"prediction_type": "depth"}),
        (diffusers.MarigoldNormalsPipeline, {"prediction_type": "normals", "use_full_z_range": False}),
    ],
)
def test_a_repository_of_either_layout_sees_what_the_classic_sees(
    cls: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    """With the number of steps and the size that it says."""
    theirs = classic(cls, **options, default_denoising_steps=2, default_processing_resolution=48)
    theirs.save_pretrained(tmp_path / "classic")
    expected = theirs(IMAGE, output_type="pt", generator=torch.Generator().manual_seed(7)).prediction
    opened = ModularPipeline.from_pretrained(str(tmp_path / "classic")).load_components()
    opened.save_pretrained(tmp_path / "saved")
    again = ModularPipeline.from_pretrained(str(tmp_path / "saved")).load_components()
    for pipe in (opened, again):
        pipe.configure(progress=False)
        drawn = pipe(image=IMAGE, output_type="pt", generator=torch.Generator().manual_seed(7), output="images")
        assert torch.equal(drawn, expected)


@pytest.fixture(scope="module")
def steered() -> ModularPipeline:
    blocks = steered_by_depth(with_control(TEXT2IMAGE_BLOCKS), MARIGOLD)
    made = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline()
    torch.manual_seed(5)
    depth = {f"depth_{name}": part for name, part in FAMILY.parts("float32").items()}
    own = {**make_parts(), "controlnet": controlnet(unet())}
    made.update_components(**{name: part for name, part in {**depth, **own}.items() if name in made.component_names})
    made.configure(progress=False)
    return made


@pytest.mark.parametrize("kind", ["depth", "disparity"])
def test_depth_and_controlnet_in_one_are_both_by_hand(kind: str, steered: ModularPipeline) -> None:
    asked = {"prompt": "a red circle", "num_inference_steps": 3, "output_type": "pt"}
    source = torch.Generator().manual_seed(7)
    near = FAMILY.draw(
        "depth", image=IMAGE, num_inference_steps=2, processing_resolution=48, seed=None, generator=source
    )
    control = (near if kind == "disparity" else 1.0 - near).expand(-1, 3, -1, -1)
    alone = SequentialPipelineBlocks.from_blocks_dict(with_control(TEXT2IMAGE_BLOCKS)).init_pipeline()
    alone.update_components(**{name: steered.components[name] for name in alone.component_names})
    alone.configure(progress=False)
    expected = alone(**asked, control_image=control, generator=source, output="images")
    steered.update_config(prediction_type=kind)
    drawn = steered(
        **asked,
        depth_image=IMAGE,
        depth_num_inference_steps=2,
        depth_processing_resolution=48,
        generator=torch.Generator().manual_seed(7),
        output="images",
    )
    assert torch.equal(drawn, expected)
    assert drawn.shape[-2:] == (40, 64)


def test_an_image_shows_what_is_seen() -> None:
    grey = FAMILY.draw("depth", output_type="pil")
    assert [(image.mode, image.size) for image in grey] == [("L", (64, 40))] * 2
    colours = FAMILY.draw("normals", output_type="pil")
    assert [(image.mode, image.size) for image in colours] == [("RGB", (64, 40))] * 2
    directions = FAMILY.draw("normals")
    assert torch.allclose(directions.norm(dim=1), torch.ones(()), atol=1e-5)


def test_several_things_that_are_seen_of_an_image_are_one_after_the_other() -> None:
    pipe = FAMILY.ready("intrinsics")
    pipe.update_components(unet=FAMILY.tasks["intrinsics"].parts["unet"]())
    both = pipe(**ASKED, output_type="pt", generator=[torch.Generator().manual_seed(seed) for seed in (1, 2)])
    alone = pipe(**{**ASKED, "image": ASKED["image"][1]}, output_type="pt", seed=2)
    assert both.images.shape == (4, 3, 40, 64)
    assert float((both.images[2:] - alone.images).abs().max()) < 1e-4
    pipe.update_components(unet=FAMILY.parts("float32")["unet"])


def test_half_precision_looks_at_small_images_on_a_cpu_too_where_the_classic_fails() -> None:
    pipe = FAMILY.ready("depth")
    pipe.update_components(**{name: FAMILY.parts("bfloat16")[name] for name in ("unet", "vae", "text_encoder")})
    seen = pipe(image=IMAGE, num_inference_steps=1, processing_resolution=48, output_type="pt", seed=1, output="images")
    assert seen.dtype == torch.bfloat16
    pipe.update_components(**{name: FAMILY.parts("float32")[name] for name in ("unet", "vae", "text_encoder")})
    wide = pipe(image=IMAGE, num_inference_steps=1, processing_resolution=48, output_type="pt", seed=1, output="images")
    assert float((seen.float() - wide).abs().max()) < 0.1
    theirs = FAMILY.classic(diffusers.MarigoldDepthPipeline, FAMILY.parts("bfloat16"), prediction_type="depth")
    with pytest.raises(NotImplementedError, match="BFloat16"):
        theirs(IMAGE, num_inference_steps=1, processing_resolution=48)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"processing_resolution": None}, "Nothing says in which size the image is looked at: give processing_resolution=768"),
        ({"num_inference_steps": None}, "Nothing says how many steps there are: give num_inference_steps=4"),
        ({"image": [picture(3), picture(4, 32)]}, "image holds images of several sizes, 32x32, 64x64 pixels"),
        ({"image": IMAGE.crop((0, 0, 64, 1)), "processing_resolution": 48}, "image is 64x1 pixels, of which processing_resolution=48 leaves a side of none"),
        ({"guidance_scale": 3.0}, "guidance_scale is 3.0, and the denoiser of marigold is told nothing that guidance could leave out"),
    ],
)  # fmt: skip
def test_what_cannot_be_looked_at_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        FAMILY.draw("depth", **given)
    assert words in str(caught.value)


def test_what_steers_is_white_where_it_is_near() -> None:
    block: Any = DecodeDepthControl.bind(MARIGOLD)(vae=make_parts()["vae"])
    latents = torch.randn(1, 4, 5, 8, generator=torch.Generator().manual_seed(1))
    depth = block.found(latents, (40, 64), None, "bilinear")
    shown = block.run(latents, (40, 64), (40, 64)).control_image
    assert torch.allclose(shown, (1 - depth).expand(-1, 3, -1, -1), atol=1e-6)
