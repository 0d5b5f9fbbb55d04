"""Draws pictures from prompts with the embedded model, and says where they are."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Sequence
from pathlib import Path

import torch
import transformers
from PIL import Image

from ..presets.embedded import GUIDANCE_SCALE, embedded
from .pictures import make_image_grid

PROMPTS = (
    "a red apple",
    "a cat",
    "a rocket on a black background",
    "a house",
    "a purple truck",
    "a penguin",
    "a red circle on a blue background",
    "three yellow stars",
    "a small green heart",
    "a red circle and a blue square",
    "an orange diamond on a purple background",
    "a blue ring on the left",
    "an elephant on a green background",
    "a guitar, 3d style",
    "a robot",
    "a sunflower on a blue background",
)
COLUMNS = 8
SIDE = 128


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="brickwork-demo", description=__doc__)
    parser.add_argument("prompts", nargs="*", default=PROMPTS, help="what to draw; a set of examples if left out")
    parser.add_argument("--out", type=Path, default=Path("outputs"), help="folder for the pictures (default: outputs)")
    parser.add_argument("--steps", type=int, default=20, help="denoising steps (default: 20)")
    parser.add_argument("--guidance", type=float, default=GUIDANCE_SCALE, help="guidance scale (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first picture (default: 0)")
    options = parser.parse_args(arguments)
    prompts = list(options.prompts)
    # The demo's own bar and lines are enough to read.
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    pipe = embedded()
    started = time.monotonic()
    images = pipe(
        prompt=prompts,
        num_inference_steps=options.steps,
        guidance_scale=options.guidance,
        generator=[torch.Generator().manual_seed(options.seed + i) for i in range(len(prompts))],
        output="images",
    )
    seconds = time.monotonic() - started
    options.out.mkdir(parents=True, exist_ok=True)
    for image, prompt in zip(images, prompts, strict=True):
        image.save(options.out / f"{re.sub('[^a-z0-9]+', '-', prompt.lower()).strip('-')}.png")
    columns = min(COLUMNS, len(images))
    rows = -(-len(images) // columns)
    blank = Image.new("RGB", images[0].size, "white")
    padding = rows * columns - len(images)
    sheet = make_image_grid(
        [*images, *[blank] * padding], rows, columns, resize=SIDE, labels=[*prompts, *[""] * padding]
    )
    path = options.out / "demo.png"
    sheet.save(path)
    print(f"{len(images)} pictures in {seconds:.1f} s.")
    print(f"All of them: {path.resolve()}")
    print(f"Each by itself: {options.out.resolve()}")


if __name__ == "__main__":
    main()
