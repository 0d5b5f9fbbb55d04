"""Images are blacked out as diffusers' own pipeline of Stable Diffusion does it."""

from __future__ import annotations

from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from diffusers.image_processor import VaeImageProcessor
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from PIL import Image
from transformers import CLIPConfig, CLIPImageProcessor

from brickwork import ModularPipeline, SequentialPipelineBlocks
from brickwork.blocks import CheckSafety
from brickwork.blocks.steps.given_image import as_pil
from brickwork.presets.sdxl import SAFETY_BLOCKS, TEXT2IMAGE_BLOCKS


@pytest.fixture(scope="module")
def checker() -> StableDiffusionSafetyChecker:
    """A checker with random weights whose thresholds flag some of the images below."""
    torch.manual_seed(0)
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = CLIPConfig(vision_config={**size, "image_size": 32, "patch_size": 8}, text_config=size, projection_dim=16)
    made = StableDiffusionSafetyChecker(config).eval()
    made.concept_embeds.data.normal_()
    made.special_care_embeds.data.normal_()
    seen = CLIPImageProcessor(size=32, crop_size=32)(pictures(), return_tensors="pt").pixel_values
    with torch.no_grad():
        embeds = made.visual_projection(made.vision_model(seen)[1])
    closeness = torch.nn.functional.cosine_similarity(embeds[:, None], made.concept_embeds[None], dim=-1)
    made.concept_embeds_weights.data.copy_(closeness.sort(0).values[-2:].mean(0))  # each concept flags one
    made.special_care_embeds_weights.data.fill_(2.0)
    return made


def pictures() -> list[Image.Image]:
    random = np.random.default_rng(1)
    return [Image.fromarray(random.integers(0, 255, (64, 64, 3), dtype=np.uint8)) for _ in range(6)]


def extractor() -> CLIPImageProcessor:
    return CLIPImageProcessor(size=32, crop_size=32)


def as_type(kind: str) -> Any:
    processor = VaeImageProcessor(vae_scale_factor=8)
    array = np.stack([np.asarray(image) / 255 for image in pictures()]).astype(np.float32)
    return {"pil": pictures(), "np": array, "pt": processor.numpy_to_pt(array)}[kind]


def black(image: Any) -> bool:
    return not np.asarray(image).any()


@pytest.mark.parametrize("kind", ["pil", "np", "pt"])
def test_the_same_pictures_are_flagged_and_blacked_out(kind: str, checker: Any) -> None:
    given = as_type(kind)
    block = CheckSafety(safety_checker=checker, feature_extractor=extractor())
    found = block.run(images=given, output_type=kind)
    raw = torch.from_numpy(as_type("np")).permute(0, 3, 1, 2) * 2 - 1
    parts = {"safety_checker": checker, "feature_extractor": extractor(), "image_processor": VaeImageProcessor()}
    classic = type("Classic", (), {**parts, "run": diffusers.StableDiffusionPipeline.run_safety_checker})()
    _, flags = classic.run(raw.clone(), "cpu", torch.float32)
    assert found.nsfw_content_detected == flags
    assert 0 < sum(flags) < len(flags)
    assert [black(image) for image in found.images] == flags
    kept = [index for index, flag in enumerate(flags) if not flag]
    assert all(np.array_equal(np.asarray(found.images[index]), np.asarray(given[index])) for index in kept)
    assert not any(black(image) for image in given)


def test_it_is_a_last_block_of_any_task(tiny_pipe: ModularPipeline, checker: Any) -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict({**TEXT2IMAGE_BLOCKS, **SAFETY_BLOCKS})
    pipe = blocks.init_pipeline()
    pipe.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    pipe.update_components(safety_checker=checker, feature_extractor=extractor())
    pipe.configure(progress=False)
    inputs = {"prompt": "a cat", "num_inference_steps": 2, "num_images_per_prompt": 4}
    state = pipe(**inputs, generator=torch.Generator().manual_seed(0))
    flags = state.nsfw_content_detected
    assert [black(image) for image in state.images] == flags
    latents = pipe(**inputs, output_type="latent", generator=torch.Generator().manual_seed(0))
    assert latents.nsfw_content_detected is None
    plain = tiny_pipe(**inputs, output_type="latent", generator=torch.Generator().manual_seed(0), output="images")
    assert torch.equal(latents.images, plain)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "I;16"])
def test_images_of_other_modes_are_seen_as_everywhere(mode: str, checker: Any) -> None:
    """Whatever lies below transparent places is not looked at, and 16 bits are no white image."""
    seen: list[Any] = []

    class Watched(CLIPImageProcessor):
        def __call__(self, images: Any, **options: Any) -> Any:
            seen.extend(images)
            return super().__call__(images, **options)

    given = [image.convert("L").convert(mode) for image in pictures()[:1]]
    if mode == "RGBA":
        given[0].putalpha(0)
    block = CheckSafety(
        safety_checker=checker,
        feature_extractor=Watched(size=32, crop_size=32),
    )
    block.run(images=given)
    assert seen[0].tobytes() == as_pil(given[0], "images").tobytes()
    assert seen[0].mode == "RGB"
