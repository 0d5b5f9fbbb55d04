"""The embedded model: a small real text-to-image model in the layout of SDXL, for trying everything offline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...blocks.modular_pipeline import ModularPipeline
from ...guiders import ClassifierFreeGuidance
from .words import known_words, unknown_words

__all__ = ["FOLDER", "GUIDANCE_SCALE", "embedded", "known_words", "unknown_words"]

FOLDER = Path(__file__).parent / "model"
"""The model's repository, which diffusers' own StableDiffusionXLPipeline loads too."""

GUIDANCE_SCALE = 5.0


def embedded(**load_options: Any) -> ModularPipeline:
    """Make a pipeline with the embedded model, loaded and ready.

    It draws 64x64 pictures of coloured shapes and of everyday things; `known_words()` and the card in `FOLDER` say
    which, and `unknown_words(prompt)` what in a prompt it never saw.

    Args:
        load_options: for `load_components`, such as `dtype`.

    Example:
        >>> pipe = embedded()
        >>> pipe(prompt="a red circle", num_inference_steps=10, output="images")[0].size
        (64, 64)
    """
    pipe = ModularPipeline.from_pretrained(str(FOLDER)).load_components(**load_options)
    pipe.update_components(guider=ClassifierFreeGuidance(guidance_scale=GUIDANCE_SCALE))
    pipe.notes.append(
        f"knows {len(known_words()['things'])} words for things, and {', '.join(known_words()['shapes'])}, in "
        f"{len(known_words()['colours'])} colours: brickwork.presets.embedded.known_words(); unknown_words(prompt)"
    )
    return pipe
