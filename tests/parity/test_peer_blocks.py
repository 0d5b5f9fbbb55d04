"""The same inputs through diffusers' own modular blocks. They call the network for one prediction after another, and so do ours here:
then the arithmetic is the same, and the latents are equal bit for bit. Where the blocks of diffusers 0.42.1 are wrong, ours are right.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from coarse_images import half_mask
from diffusers.modular_pipelines import StableDiffusionXLAutoBlocks
from PIL import Image
from tiny_adapters import controlnet, image_encoder, ip_adapter, union
from transformers import CLIPImageProcessor

from brickwork import ClassifierFreeGuidance, InputError, ModularPipeline
from brickwork.blocks import PredictNoise
from brickwork.blocks.core.flattening import walk
from brickwork.presets.sdxl import AutoBlocks
from tiny_sdxl import make_pipeline


def picture(seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (64, 64, 3), dtype=np.uint8))


SIZE: dict[str, Any] = {"height": 64, "width": 64}
FROM: dict[str, Any] = {"image": picture(), "strength": 0.6}
CONTROL: dict[str, Any] = {"control_image": picture(1), "controlnet_conditioning_scale": 0.7}
EQUAL: dict[str, dict[str, Any]] = {
    "text to image": SIZE,
    "negative prompt": {**SIZE, "negative_prompt": "a cat"},
    "several images": {**SIZE, "num_images_per_prompt": 3},
    "until a share": {**SIZE, "denoising_end": 0.6},
    "negative sizes": {**SIZE, "negative_original_size": (32, 32), "negative_target_size": (64, 64)},
    "image to image": FROM,
    "from a share on": {**FROM, "denoising_start": 0.4},
    "ControlNet": {**SIZE, **CONTROL},
    "ControlNet in a window": {**SIZE, **CONTROL, "control_guidance_start": 0.3, "control_guidance_end": 0.7},
    "ControlNet, guessing": {**SIZE, **CONTROL, "guess_mode": True},
    "ControlNet, image to image": {**FROM, **CONTROL},
    "IP-Adapter": {**SIZE, "ip_adapter_image": picture(2)},
}


@pytest.fixture(scope="module")
def parts() -> dict[str, Any]:
    """Models that both sides share; nothing else does."""
    found = {name: part for name, part in make_pipeline(0).components.items() if part is not None}
    for part in found.values():
        if isinstance(part, torch.nn.Module):
            part.eval()
    return {**found, "controlnet": controlnet(found["unet"])}


@pytest.fixture
def theirs(parts: dict[str, Any]) -> Any:
    pipe = StableDiffusionXLAutoBlocks().init_pipeline()
    pipe.update_components(**parts)
    return pipe


@pytest.fixture
def ours(parts: dict[str, Any]) -> ModularPipeline:
    pipe = AutoBlocks().init_pipeline()
    pipe.update_components(**parts)
    pipe.configure(progress=False)
    for path, block in list(walk(pipe.blocks)):
        if isinstance(block, PredictNoise):
            pipe.blocks.replace(path, type(block)(batching="sequential"))
    return pipe


def drawn(pipe: Any, seed: int = 3, **inputs: Any) -> torch.Tensor:
    given = {"prompt": "a red circle", "num_inference_steps": 5, "output_type": "latent", **inputs}
    found: torch.Tensor = pipe(**given, generator=torch.Generator().manual_seed(seed), output="images")
    return found


@pytest.mark.parametrize("name", EQUAL)
def test_the_latents_are_equal(name: str, ours: ModularPipeline, theirs: Any) -> None:
    if name == "IP-Adapter":
        size = {"height": 32, "width": 32}
        extractor: Any = CLIPImageProcessor(size=size, crop_size=size)
        extractor._diffusers_load_id = "here|feature_extractor|null|null"  # theirs takes none without an origin
        seeing = {"image_encoder": image_encoder(), "feature_extractor": extractor}
        theirs.update_components(**seeing)
        ours.update_components(**seeing)
        ours.load_ip_adapter(ip_adapter(ours.unet), weight_name="", image_encoder_folder=None)
    try:
        assert torch.equal(drawn(ours, **EQUAL[name]), drawn(theirs, **EQUAL[name]))
    finally:
        ours.unload_ip_adapter()


def test_a_union_of_controls_is_equal(ours: ModularPipeline, theirs: Any) -> None:
    net = union(ours.unet)
    ours.update_components(controlnet=net)
    theirs.update_components(controlnet=net)
    inputs = {**SIZE, **CONTROL, "control_mode": 2}
    assert torch.equal(drawn(ours, **inputs), drawn(theirs, **{**inputs, "control_mode": [2]}))


def test_pooled_embeddings_of_several_prompts_and_pictures_stay_with_their_prompts(
    ours: ModularPipeline, theirs: Any, parts: dict[str, Any]
) -> None:
    """Theirs repeats them as a block, [a b a b], beside hidden states [a a b b]."""
    inputs = {**SIZE, "prompt": ["a red circle", "two cat"], "num_images_per_prompt": 2}
    found = drawn(ours, **inputs)
    classic = diffusers.StableDiffusionXLPipeline(
        **{name: part for name, part in parts.items() if name != "controlnet"}, add_watermarker=False
    )
    classic.set_progress_bar_config(disable=True)
    given = {**inputs, "num_inference_steps": 5, "output_type": "latent", "guidance_scale": 7.5}
    expected = classic(**given, generator=torch.Generator().manual_seed(3)).images
    assert torch.allclose(found, expected, atol=1e-4)  # the classic one calls the network for both predictions at once
    assert not torch.allclose(drawn(theirs, **inputs), expected, atol=1e-2)


def test_the_window_of_guidance_is_of_the_loops_steps(
    ours: ModularPipeline, theirs: Any, parts: dict[str, Any]
) -> None:
    """Heun's loop has two iterations a step but the last; theirs counts iterations against steps, so its half is a quarter."""
    heun = diffusers.HeunDiscreteScheduler.from_config(parts["scheduler"].config)
    calls: list[int] = []
    handle = parts["unet"].register_forward_pre_hook(lambda *_: calls.append(1))
    try:
        ours.update_components(scheduler=heun, guider=ClassifierFreeGuidance(guidance_scale=5.0, stop=0.5))
        drawn(ours, **SIZE, num_inference_steps=10)
        mine = len(calls)
        theirs.update_components(
            scheduler=type(heun).from_config(heun.config),
            guider=diffusers.ClassifierFreeGuidance(guidance_scale=5.0, stop=0.5),
        )
        drawn(theirs, **SIZE, num_inference_steps=10)
    finally:
        handle.remove()
    assert mine == 19 + 19 // 2
    assert len(calls) - mine == 19 + 10 // 2


def test_inpainting_draws_in_the_classic_order(ours: ModularPipeline, theirs: Any, parts: dict[str, Any]) -> None:
    """Theirs encodes, and draws for it, in another order, so the same seed gives another image."""
    inputs = {**FROM, **SIZE, "mask_image": half_mask()}
    classic = diffusers.StableDiffusionXLInpaintPipeline(
        **{name: part for name, part in parts.items() if name != "controlnet"}, add_watermarker=False
    )
    classic.set_progress_bar_config(disable=True)
    given = {"prompt": "a red circle", "num_inference_steps": 5, "output_type": "latent", **inputs}
    expected = classic(**given, guidance_scale=7.5, generator=torch.Generator().manual_seed(3)).images
    assert torch.allclose(drawn(ours, **inputs), expected, atol=1e-4)
    assert not torch.allclose(drawn(theirs, **inputs), expected, atol=1e-2)


def test_a_mask_without_a_picture_is_refused(ours: ModularPipeline, tmp_path: Path) -> None:
    """Theirs begins to inpaint, and fails when it encodes an image that is not there."""
    with pytest.raises(InputError, match=r"'mask_image'.*'image'"):
        ours(prompt="a", mask_image=half_mask())
