"""What the embedded model's adapters do: a LoRA for arrows, a ControlNet for layout, an IP-Adapter. Figures of the model card.

cd training && ../.venv/bin/python -m embedded_model.measure_adapters
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

import brickwork
from brickwork import ModularPipeline, SequentialPipelineBlocks
from brickwork.presets.embedded import ARROW_LORA, FOLDER, IP_ADAPTER, LAYOUT_CONTROLNET
from brickwork.presets.sdxl import IP_ADAPTER_BLOCKS, TEXT2IMAGE_BLOCKS, with_control

from .classifier import ThingClassifier
from .evaluate import draw, held_out_scenes, judge_by_classifier, shares
from .oracle import Picture, as_picture, foreground, judge_shapes
from .scenes import Scene, SceneSource
from .shapes import ARROW, SHAPES
from .train_controlnet import placed_anywhere
from .train_ip_adapter import moved
from .train_lora import ArrowSource

NAMES = (*SHAPES, ARROW)
GUIDANCE_SCALE = 3.0
BATCH = 32


def with_models(blocks: Any, base: ModularPipeline) -> ModularPipeline:
    """A pipeline of other blocks over the embedded model."""
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline(str(FOLDER))
    pipe.update_components(**{name: base.components[name] for name in base.pretrained_component_names})
    pipe.configure(progress=False)
    return pipe


def held_out_arrows(count: int) -> list[Scene]:
    """Arrows in colours and on backgrounds that training never saw together."""
    source, rng = ArrowSource(), random.Random(9)
    scenes: list[Scene] = []
    while len(scenes) < count:
        scene = source.arrow(rng)
        if scene.held_out:
            scenes.append(scene)
    return scenes


def arrows(pipe: ModularPipeline, count: int, steps: int) -> dict[str, float]:
    """Shares of right pictures of arrows."""
    scenes = held_out_arrows(count)
    pictures = draw(pipe, [scene.caption for scene in scenes], steps, GUIDANCE_SCALE)
    return shares([judge_shapes(scene, picture, NAMES) for scene, picture in zip(scenes, pictures, strict=True)])


def controlled(base: ModularPipeline) -> ModularPipeline:
    """Text to image, steered by the ControlNet for layout."""
    from diffusers import ControlNetModel

    pipe = with_models(with_control(TEXT2IMAGE_BLOCKS), base)
    pipe.update_components(controlnet=ControlNetModel.from_pretrained(LAYOUT_CONTROLNET, torch_dtype=torch.float32))
    return pipe


def layouts(pipe: ModularPipeline, count: int, steps: int, scale: float) -> tuple[float, dict[str, float]]:
    """How much what was drawn and what was wanted overlap (mean of intersection by union), and shares of right things."""
    source, rng = SceneSource(), random.Random(77)
    scenes = [placed_anywhere(source, rng) for _ in range(count)]
    masks = source.layout(scenes)
    pictures: list[Picture] = []
    for start in range(0, count, BATCH):
        part = scenes[start : start + BATCH]
        images = pipe(
            prompt=[scene.caption for scene in part],
            control_image=masks[start : start + BATCH].expand(-1, 3, -1, -1),
            controlnet_conditioning_scale=scale,
            num_inference_steps=steps,
            guidance_scale=GUIDANCE_SCALE,
            generator=[torch.Generator().manual_seed(start + number) for number in range(len(part))],
            output="images",
        )
        pictures += [as_picture(image) for image in images]
    shapes = [number for number, scene in enumerate(scenes) if scene.shapes]
    right = shares([judge_shapes(scenes[number], pictures[number]) for number in shapes])
    return float(np.mean([overlap(m, p) for m, p in zip(masks[:, 0].numpy(), pictures, strict=True)])), right


def overlap(mask: Any, picture: Picture) -> float:
    """Intersection by union of a wanted layout in 0..1 and what is drawn."""
    drawn, wanted = foreground(picture), mask > 0.5
    return float((drawn & wanted).sum() / max(1, (drawn | wanted).sum()))


def seeing(base: ModularPipeline) -> ModularPipeline:
    """Text to image with pictures as prompts."""
    from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

    pipe = with_models({**IP_ADAPTER_BLOCKS, **TEXT2IMAGE_BLOCKS}, base)
    pipe.update_components(
        image_encoder=CLIPVisionModelWithProjection.from_pretrained(IP_ADAPTER / "image_encoder", dtype=torch.float32),
        feature_extractor=CLIPImageProcessor.from_pretrained(IP_ADAPTER / "feature_extractor"),
    )
    return pipe


def as_images(pictures: Any) -> list[Image.Image]:
    """PIL images of pictures in -1..1, `[b, 3, 64, 64]`."""
    pixels = ((pictures + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    return [Image.fromarray(each) for each in pixels]


def pictured(pipe: ModularPipeline, count: int, steps: int, kind: str) -> dict[str, float]:
    """Shares of right pictures where a picture is the prompt, and the text is empty."""
    source, rng = SceneSource(), random.Random(5)
    scenes = held_out_scenes(source, kind, count, 8)
    given = as_images(source.draw([moved(scene, rng) for scene in scenes]))
    pictures: list[Picture] = []
    for number, picture in enumerate(given):
        drawn: Sequence[Any] = pipe(
            prompt="",
            ip_adapter_image=picture,
            num_inference_steps=steps,
            guidance_scale=GUIDANCE_SCALE,
            generator=torch.Generator().manual_seed(number),
            output="images",
        )
        pictures.append(as_picture(drawn[0]))
    if kind == "shapes":
        return shares([judge_shapes(scene, picture) for scene, picture in zip(scenes, pictures, strict=True)])
    return shares(judge_by_classifier(ThingClassifier.load(), scenes, pictures))


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=96)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    base = brickwork.embedded()
    base.configure(progress=False)
    print("arrows without the LoRA:", arrows(base, options.count, options.steps), flush=True)
    base.load_lora_weights(str(ARROW_LORA), adapter_name="arrow")
    print("arrows with the LoRA:", arrows(base, options.count, options.steps), flush=True)
    known = held_out_scenes(SceneSource(), "shapes", options.count, 7)
    pictures = draw(base, [scene.caption for scene in known], options.steps, GUIDANCE_SCALE)
    verdicts = [judge_shapes(scene, picture, NAMES) for scene, picture in zip(known, pictures, strict=True)]
    print("other shapes with the LoRA:", shares(verdicts), flush=True)
    base.unload_lora_weights()
    pipe = controlled(base)
    for scale in (0.0, 0.5, 1.0):
        print(f"layout, scale {scale}:", layouts(pipe, options.count, options.steps, scale), flush=True)
    pipe = seeing(base)
    pipe.load_ip_adapter(str(IP_ADAPTER), weight_name="ip_adapter.safetensors", image_encoder_folder=None)
    for kind in ("shapes", "thing"):
        print(f"{kind} of a picture:", pictured(pipe, options.count, options.steps, kind), flush=True)


if __name__ == "__main__":
    main()
