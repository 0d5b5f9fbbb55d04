"""What the embedded model says of a call that asks for what it was never shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...adapters.textual_inversion import encoders_of
from .words import words_remarks

if TYPE_CHECKING:
    from ...pipeline.modular_pipeline import ModularPipeline

SIDE = 64
"""Of its images, in pixels."""
_TEXTS = ("prompt", "prompt_2", "negative_prompt", "negative_prompt_2")


def call_remarks(pipe: ModularPipeline, inputs: Mapping[str, Any]) -> Iterator[str]:
    """Say which words of a call's texts the model does not know, and that it draws one size; nothing of a model that was changed."""
    # Whoever puts in other weights knows what they can draw, and nobody else does.
    if pipe.repo_name != pipe.specs["unet"].repo:
        return
    found = list(_found(pipe, inputs))
    # Last, since it looks through the models, and of most calls there is nothing to say.
    if found and not pipe.get_list_adapters():
        yield from found


def _found(pipe: ModularPipeline, inputs: Mapping[str, Any]) -> Iterator[str]:
    taught = [word for encoder in encoders_of(pipe) for word in encoder.tokenizer.get_added_vocab()]
    for name in _TEXTS:
        given = inputs.get(name)
        for text in given if isinstance(given, (list, tuple)) else [given]:
            if isinstance(text, str):
                yield from (
                    f"{remark} brickwork.presets.embedded.known_words() lists what it knows."
                    for remark in words_remarks(text, taught)
                )
    width, height = (inputs.get(name) or SIDE for name in ("width", "height"))
    if (width, height) != (SIDE, SIDE):
        yield (
            f"The embedded model draws {SIDE}x{SIDE} images; it was never shown others, and {width}x{height} was asked for. Leave out "
            "height and width."
        )
