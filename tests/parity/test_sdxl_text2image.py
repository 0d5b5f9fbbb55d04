"""Text to image equals diffusers' own pipeline, bit for bit: the arithmetic is the same, in the same order."""

from __future__ import annotations

from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DEISMultistepScheduler,
    DPMSolverMultistepScheduler,
    DPMSolverSinglestepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    KDPM2AncestralDiscreteScheduler,
    KDPM2DiscreteScheduler,
    LCMScheduler,
    LMSDiscreteScheduler,
    PNDMScheduler,
    UniPCMultistepScheduler,
)
from toy_blocks import seeded

from brickwork import ClassifierFreeGuidance, ModularPipeline

Classic = diffusers.StableDiffusionXLPipeline
SCHEDULERS = {
    "Euler": (EulerDiscreteScheduler, {}),
    "Euler Karras": (EulerDiscreteScheduler, {"use_karras_sigmas": True}),
    "Euler trailing": (EulerDiscreteScheduler, {"timestep_spacing": "trailing"}),
    "Euler v-prediction": (EulerDiscreteScheduler, {"prediction_type": "v_prediction"}),
    "Euler ancestral": (EulerAncestralDiscreteScheduler, {}),
    "DDIM": (DDIMScheduler, {}),
    "DDPM": (DDPMScheduler, {}),
    "DPM++ 2M": (DPMSolverMultistepScheduler, {}),
    "DPM++ 2M Karras": (DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
    "DPM++ 2M SDE": (DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"}),
    "DPM++ singlestep": (DPMSolverSinglestepScheduler, {}),
    "DEIS": (DEISMultistepScheduler, {}),
    "UniPC": (UniPCMultistepScheduler, {}),
    "Heun": (HeunDiscreteScheduler, {}),
    "KDPM2": (KDPM2DiscreteScheduler, {}),
    "KDPM2 ancestral": (KDPM2AncestralDiscreteScheduler, {}),
    "LMS": (LMSDiscreteScheduler, {}),
    "PNDM": (PNDMScheduler, {"skip_prk_steps": True}),
    "LCM": (LCMScheduler, {}),
}


def both(pipe: ModularPipeline, classic: Classic, **inputs: Any) -> tuple[Any, Any]:
    """Run both with generators of the same seeds; latents unless the inputs say otherwise."""
    inputs = {
        "prompt": "a red circle",
        "num_inference_steps": 3,
        "guidance_scale": 5.0,
        "output_type": "latent",
        **inputs,
    }
    seeds = inputs.pop("seeds", 7)

    def generator() -> Any:
        return [seeded(seed) for seed in seeds] if isinstance(seeds, list) else seeded(seeds)

    ours = pipe(**inputs, generator=generator(), output="images")
    theirs = classic(**inputs, generator=generator()).images
    return ours, theirs


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_gives_the_same_latents(name: str, tiny_pipe: ModularPipeline, classic: Classic) -> None:
    cls, options = SCHEDULERS[name]
    original = classic.scheduler
    try:
        classic.scheduler = cls.from_config(original.config, **options)
        tiny_pipe.update_components(scheduler=cls.from_config(original.config, **options))
        ours, theirs = both(tiny_pipe, classic, num_inference_steps=5, eta=0.3)
    finally:
        classic.scheduler = original
    assert torch.isfinite(ours).all()
    assert torch.equal(ours, theirs)


FEATURES: dict[str, dict[str, Any]] = {
    "plain": {},
    "several prompts": {"prompt": ["a red circle", "two cat"]},
    "several images": {"num_images_per_prompt": 3},
    "prompts and images": {"prompt": ["a red circle", "two cat"], "num_images_per_prompt": 2},
    "second prompt": {"prompt_2": "a blue square"},
    "negative prompt": {"negative_prompt": "blue"},
    "negative prompts": {
        "prompt": ["a", "the"],
        "negative_prompt": ["blue", "green"],
        "negative_prompt_2": ["of", "on"],
    },
    "one negative prompt for several": {"prompt": ["a", "the"], "negative_prompt": "blue"},
    "clip skip": {"clip_skip": 1},
    "no guidance": {"guidance_scale": 1.0},
    "rectangle": {"height": 64, "width": 96},
    "sizes": {"original_size": (64, 80), "crops_coords_top_left": (8, 16), "target_size": (96, 96)},
    "negative sizes": {"negative_original_size": (32, 32), "negative_target_size": (64, 64)},
    "generators": {"prompt": ["a", "the"], "seeds": [1, 2]},
    "one generator in a list": {"seeds": [4]},
    "own timesteps": {"timesteps": [900, 500, 100], "num_inference_steps": 50},
    "own sigmas": {"sigmas": [9.0, 2.0, 0.5], "num_inference_steps": 50},
    "denoising end": {"num_inference_steps": 6, "denoising_end": 0.6},
    "tensor": {"output_type": "pt"},
    "empty negative prompt": {"negative_prompt": ""},
}


@pytest.mark.parametrize("feature", FEATURES)
def test_every_feature_gives_the_same_result(feature: str, tiny_pipe: ModularPipeline, classic: Classic) -> None:
    ours, theirs = both(tiny_pipe, classic, **FEATURES[feature])
    assert ours.shape == theirs.shape
    assert torch.equal(ours, theirs)


def test_rescaled_guidance_gives_the_same_latents(tiny_pipe: ModularPipeline, classic: Classic) -> None:
    tiny_pipe.update_components(guider=ClassifierFreeGuidance(guidance_scale=5.0, guidance_rescale=0.7))
    inputs = {"prompt": "a red circle", "num_inference_steps": 3, "output_type": "latent"}
    ours = tiny_pipe(**inputs, generator=seeded(7), output="images")
    theirs = classic(**inputs, guidance_scale=5.0, guidance_rescale=0.7, generator=seeded(7)).images
    assert torch.equal(ours, theirs)


def test_given_latents_give_the_same_latents(tiny_pipe: ModularPipeline, classic: Classic) -> None:
    latents = torch.randn(1, 4, 8, 8, generator=seeded(1))
    kept = latents.clone()
    ours, theirs = both(tiny_pipe, classic, latents=latents)
    assert torch.equal(ours, theirs)
    assert torch.equal(latents, kept)


def test_given_embeddings_give_the_same_latents(tiny_pipe: ModularPipeline, classic: Classic) -> None:
    embeds, negative, pooled, negative_pooled = classic.encode_prompt("a red circle", negative_prompt="blue")
    given = {
        "prompt": None,
        "prompt_embeds": embeds,
        "pooled_prompt_embeds": pooled,
        "negative_prompt_embeds": negative,
        "negative_pooled_prompt_embeds": negative_pooled,
    }
    ours, theirs = both(tiny_pipe, classic, **given)
    assert torch.equal(ours, theirs)
    with_text, _ = both(tiny_pipe, classic, negative_prompt="blue")
    assert torch.equal(ours, with_text)


def test_numpy_and_pil_pictures_are_the_same(tiny_pipe: ModularPipeline, classic: Classic) -> None:
    ours, theirs = both(tiny_pipe, classic, output_type="np")
    assert np.array_equal(ours, theirs)
    ours, theirs = both(tiny_pipe, classic, output_type="pil")
    assert ours[0].tobytes() == theirs[0].tobytes()
    assert ours[0].size == (64, 64)


def test_empty_prompts_are_encoded_where_the_repository_says_so(tiny_pipe: ModularPipeline, classic: Classic) -> None:
    zeros, _ = both(tiny_pipe, classic)
    tiny_pipe.update_config(force_zeros_for_empty_prompt=False)
    classic.register_to_config(force_zeros_for_empty_prompt=False)
    try:
        ours, theirs = both(tiny_pipe, classic)
    finally:
        classic.register_to_config(force_zeros_for_empty_prompt=True)
    assert torch.equal(ours, theirs)
    assert not torch.equal(ours, zeros)


SIZES = {"original_size": (256, 32), "negative_original_size": (16, 16), "negative_target_size": (512, 16)}


def alone_and_in_batch(run: Any) -> float:
    """Largest difference between items of a batch and the same items run alone."""
    prompts = ["a red circle", "two cat", "the blue square"]
    whole = run(prompts, [seeded(i) for i in range(3)])
    single = torch.cat([run([prompt], [seeded(i)]) for i, prompt in enumerate(prompts)])
    return float((whole - single).abs().max())


def test_an_item_of_a_batch_is_the_item_run_alone(tiny_pipe: ModularPipeline, classic: Classic) -> None:
    """The classic pipeline repeats [negative, positive] size ids as a block, so items get each other's at batch > 1."""
    inputs = {"num_inference_steps": 3, "guidance_scale": 5.0, "output_type": "latent", **SIZES}

    def ours(prompts: list[str], generators: list[torch.Generator]) -> Any:
        return tiny_pipe(prompt=prompts, generator=generators, output="images", **inputs)

    def theirs(prompts: list[str], generators: list[torch.Generator]) -> Any:
        return classic(prompt=prompts, generator=generators, **inputs).images

    # Batches of another size take other kernels, which round differently.
    assert alone_and_in_batch(ours) <= 1e-4
    assert alone_and_in_batch(theirs) > 1e-3
