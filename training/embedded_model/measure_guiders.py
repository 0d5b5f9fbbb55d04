"""How well pictures match their prompts, by guider and scale: the plot of docs/guiders.md.

cd training && ../.venv/bin/python -m embedded_model.measure_guiders --plot ../docs/images/guider_scales.png
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw

import brickwork
from brickwork import ModularPipeline
from brickwork.guiders import (
    AdaptiveProjectedGuidance,
    ClassifierFreeGuidance,
    DynamicThresholding,
    Guider,
    PerturbedAttentionGuidance,
    SampleSpaceGuidance,
)

from .evaluate import BATCH, held_out_scenes, shares
from .oracle import Picture, as_picture, judge_shapes
from .scenes import SceneSource

SCALES = (1.0, 2.0, 4.0, 7.0, 12.0)
EVERYWHERE = {"perturbed_guidance_start": 0.0, "perturbed_guidance_stop": 1.0}
SIDES: dict[str, Callable[[float], Guider]] = {
    "classifier-free": lambda scale: ClassifierFreeGuidance(guidance_scale=scale),
    "thresholded": lambda scale: DynamicThresholding(guider=ClassifierFreeGuidance(guidance_scale=scale)),
    "adaptive projected": lambda scale: SampleSpaceGuidance(
        guider=AdaptiveProjectedGuidance(guidance_scale=scale - 1.0, eta=0.0, use_original_formulation=True)
    ),
    "perturbed attention alone": lambda scale: PerturbedAttentionGuidance(
        guidance_scale=1.0, perturbed_guidance_scale=scale, **EVERYWHERE
    ),
    "both, classifier-free at 2": lambda scale: PerturbedAttentionGuidance(
        guidance_scale=2.0, perturbed_guidance_scale=scale - 1.0, **EVERYWHERE
    ),
}
COLOURS = ("#c0392b", "#d68910", "#2471a3", "#1e8449", "#7d3c98")


def measure(pipe: ModularPipeline, guider: Guider, count: int, steps: int) -> float:
    """Share of pictures of shapes, in compositions that training never saw, in which everything is as the prompt says."""
    scenes = held_out_scenes(SceneSource(), "shapes", count, 7)
    pictures: list[Picture] = []
    for start in range(0, count, BATCH):
        part = [scene.caption for scene in scenes[start : start + BATCH]]
        generators = [torch.Generator().manual_seed(start + number) for number in range(len(part))]
        drawn = pipe(prompt=part, num_inference_steps=steps, generator=generators, guider=guider, output="images")
        pictures += [as_picture(image) for image in drawn]
    return shares([judge_shapes(scene, picture) for scene, picture in zip(scenes, pictures, strict=True)])["all"]


def plot(found: dict[str, list[float]], path: Path) -> None:
    """Draw one line per guider over the scales."""
    width, height, left, top = 640, 360, 50, 20
    image = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(image)
    right, bottom = width - 190, height - 40
    low, high = 0.3, 1.0

    def place(index: int, share: float) -> tuple[float, float]:
        x = left + (right - left) * index / (len(SCALES) - 1)
        return x, bottom - (bottom - top) * (share - low) / (high - low)

    for tenth in range(3, 11):
        y = place(0, tenth / 10)[1]
        pen.line([(left, y), (right, y)], fill="#dddddd")
        pen.text((12, y - 6), f"{tenth * 10} %", fill="black")
    for index, scale in enumerate(SCALES):
        pen.text((place(index, 0)[0] - 8, bottom + 8), f"{scale:g}", fill="black")
    pen.text(((left + right) / 2 - 40, bottom + 22), "guidance scale", fill="black")
    for (name, line), colour in zip(found.items(), COLOURS, strict=True):
        points = [place(index, share) for index, share in enumerate(line)]
        pen.line(points, fill=colour, width=3)
        for x, y in points:
            pen.ellipse([x - 3, y - 3, x + 3, y + 3], fill=colour)
        row = list(found).index(name)
        pen.rectangle([right + 16, top + 22 * row, right + 28, top + 22 * row + 12], fill=colour)
        pen.text((right + 34, top + 22 * row), name, fill="black")
    image.save(path)


def main() -> None:
    """Measure, print, and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=96)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--plot", type=Path, required=True)
    options = parser.parse_args()
    pipe: Any = brickwork.embedded()
    pipe.configure(progress=False)
    found = {
        name: [measure(pipe, side(scale), options.count, options.steps) for scale in SCALES]
        for name, side in SIDES.items()
    }
    print(json.dumps({"scales": SCALES, **found}, indent=1))
    plot(found, options.plot)


if __name__ == "__main__":
    main()
