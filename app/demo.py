"""Draws images from prompts with the embedded model, and says where they are."""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path

import torch
import transformers
from attrs import frozen
from PIL import Image

from ..pipeline import ModularPipeline
from ..pipeline.images.grid import make_image_grid
from ..presets.embedded import GUIDANCE_SCALE, embedded, known_words
from ..presets.embedded.words import words_remarks

PROMPTS = (
    "a red apple",
    "a cat",
    "a rocket on a black background",
    "a house",
    "a purple truck",
    "a penguin",
    "a guitar, 3d style",
    "a robot",
    "a sunflower on a blue background",
    "an elephant on a green background",
    "a flat castle on a pink background",
    "a cartoon fox",
    "a blue fish on a yellow background",
    "a yellow butterfly",
    "a cup of coffee",
    "a parrot on a purple background",
    "a red circle on a blue background",
    "three yellow stars",
    "a small green heart",
    "a red circle and a blue square",
    "an orange diamond on a purple background",
    "a blue ring on the left",
    "two white crosses on a brown background",
    "a large pink triangle on a gray background",
)
SEEDS_OF = "socks"
SCALES_OF = "a tulip on a green background"
SCALES = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0)
COLUMNS = 8
SIDE = 128


@frozen
class Shot:
    """One image to draw."""

    label: str
    prompt: str
    seed: int
    guidance_scale: float


def contact_sheet(seed: int, guidance_scale: float) -> list[Shot]:
    """Return prompts of all kinds, one prompt from several seeds, and one at several guidance scales."""
    return [
        *prompt_shots(PROMPTS, seed, guidance_scale),
        *(Shot(f"{SEEDS_OF}, seed {seed + i}", SEEDS_OF, seed + i, guidance_scale) for i in range(COLUMNS)),
        *(Shot(f"{SCALES_OF}, scale {scale:g}", SCALES_OF, seed, scale) for scale in SCALES),
    ]


def prompt_shots(prompts: Sequence[str], seed: int, guidance_scale: float) -> list[Shot]:
    """Return an image for each prompt, each from a seed of its own."""
    return [Shot(prompt, prompt, seed + i, guidance_scale) for i, prompt in enumerate(prompts)]


def draw(pipe: ModularPipeline, shots: Sequence[Shot], steps: int) -> list[Image.Image]:
    """Draw images, in one batch per guidance scale."""
    drawn: dict[int, Image.Image] = {}
    for scale in dict.fromkeys(shot.guidance_scale for shot in shots):
        chosen = [i for i, shot in enumerate(shots) if shot.guidance_scale == scale]
        images = pipe(
            prompt=[shots[i].prompt for i in chosen],
            num_inference_steps=steps,
            guidance_scale=scale,
            generator=[torch.Generator().manual_seed(shots[i].seed) for i in chosen],
            output="images",
        )
        drawn.update(zip(chosen, images, strict=True))
    return [drawn[i] for i in range(len(shots))]


def grid(images: Sequence[Image.Image], labels: Sequence[str]) -> Image.Image:
    """Return all images in one, with their labels; the last row is filled up with white."""
    columns = min(COLUMNS, len(images))
    padding = -len(images) % columns
    blank = Image.new("RGB", images[0].size, "white")
    rows = (len(images) + padding) // columns
    return make_image_grid([*images, *[blank] * padding], rows, columns, resize=SIDE, labels=[*labels, *[""] * padding])


def words_text() -> str:
    """Return what the model knows, for a terminal."""
    return "\n\n".join(
        f"{kind}:\n{textwrap.fill(', '.join(words), 100, initial_indent='  ', subsequent_indent='  ')}"
        for kind, words in known_words().items()
    )


def warn_of_unknown_words(prompts: Sequence[str]) -> None:
    """Say which words the model was never shown, before it draws something else."""
    for prompt in prompts:
        for remark in words_remarks(prompt):
            print(f"{remark} --words lists what it knows.", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="brickwork-demo", description=__doc__)
    parser.add_argument("prompts", nargs="*", help="what to draw; a contact sheet of examples if left out")
    parser.add_argument("--out", type=Path, default=Path("outputs"), help="folder for the images (default: outputs)")
    parser.add_argument("--steps", type=int, default=20, help="denoising steps (default: 20)")
    parser.add_argument("--guidance", type=float, default=GUIDANCE_SCALE, help="guidance scale (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first image (default: 0)")
    parser.add_argument("--words", action="store_true", help="list the words that the model knows, and stop")
    options = parser.parse_args(arguments)
    if options.words:
        print(words_text())
        return
    warn_of_unknown_words(options.prompts)
    # The demo's own bar and lines are enough to read.
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    pipe = embedded()
    pipe.remarks.clear()  # which were told above, with the command's own hint
    make = prompt_shots(options.prompts, options.seed, options.guidance) if options.prompts else None
    shots = make or contact_sheet(options.seed, options.guidance)
    started = time.monotonic()
    images = draw(pipe, shots, options.steps)
    seconds = time.monotonic() - started
    options.out.mkdir(parents=True, exist_ok=True)
    for image, shot in zip(images, shots, strict=True):
        image.save(options.out / f"{re.sub('[^a-z0-9]+', '-', shot.label.lower()).strip('-')}.png")
    path = options.out / "demo.png"
    grid(images, [shot.label for shot in shots]).save(path)
    print(f"{len(images)} images in {seconds:.1f} s.")
    print(f"All of them: {path.resolve()}")
    print(f"Each by itself: {options.out.resolve()}")
    print("A page to draw on, in the browser: brickwork serve embedded")


if __name__ == "__main__":
    main()
