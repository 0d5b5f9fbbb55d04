"""The pipeline that a training run has made so far, and grids of its pictures to watch it by."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionXLPipeline

from brickwork import make_image_grid

from .networks import TextToLatents, load_tokenizers, make_scheduler
from .sprites import SIZE

PROMPTS = (
    "a red apple",
    "a cat",
    "a rocket on a black background",
    "a purple truck",
    "a penguin on a blue background",
    "a green guitar, 3d style",
    "a flat sunflower",
    "an elephant on a green background",
    "a red circle on a blue background",
    "three yellow stars",
    "a small green heart",
    "a red circle and a blue square",
    "an orange diamond at the top on a purple background",
    "a blue ring on the left",
    "two white crosses on a brown background",
    "a large pink triangle on a gray background",
)
COLUMNS = 8
STEPS = 10
GUIDANCE_SCALE = 5.0


def assemble(folder: Path, model: TextToLatents) -> StableDiffusionXLPipeline:
    """Diffusers' own pipeline of a trained model, with the autoencoder and tokenizers of its folder."""
    tokenizers = load_tokenizers(folder)
    return StableDiffusionXLPipeline(
        vae=AutoencoderKL.from_pretrained(folder / "vae"),
        text_encoder=model.text_encoder,
        text_encoder_2=model.text_encoder_2,
        tokenizer=tokenizers[0],
        tokenizer_2=tokenizers[1],
        unet=model.unet,
        scheduler=make_scheduler(),
        force_zeros_for_empty_prompt=False,
        add_watermarker=False,
    )


def draw_grid(folder: Path, model: TextToLatents, device: str, target: Path) -> None:
    """Draw the same prompts from the same seeds as ever into one picture."""
    pipeline = assemble(folder, model).to(device)
    pipeline.set_progress_bar_config(disable=True)
    images = pipeline(
        prompt=list(PROMPTS),
        height=SIZE,
        width=SIZE,
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE_SCALE,
        generator=[torch.Generator().manual_seed(seed) for seed in range(len(PROMPTS))],
    ).images
    target.parent.mkdir(parents=True, exist_ok=True)
    make_image_grid(images, len(images) // COLUMNS, COLUMNS, resize=96, labels=PROMPTS).save(target)
