"""The embedded model: a small real text-to-image model in the layout of SDXL, for trying everything offline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...blocks.measures.clip_parts import clip_parts
from ...guiders import ClassifierFreeGuidance
from ...pipeline.modular_pipeline import ModularPipeline
from ...registry import shipped
from ...registry.catalog import register_shipped_composition
from .call_remarks import call_remarks
from .words import known_words, unknown_words

__all__ = [
    "ARROW_LORA",
    "FOLDER",
    "GUIDANCE_SCALE",
    "IP_ADAPTER",
    "LAYOUT_CONTROLNET",
    "SCORER",
    "embedded",
    "known_words",
    "scorer",
    "unknown_words",
]

FOLDER = Path(__file__).parent / "model"
"""The model's repository, which diffusers' own StableDiffusionXLPipeline loads too."""

for _name, _target in {
    "embedded": "FOLDER",
    "arrow_lora": "ARROW_LORA",
    "ip_adapter": "IP_ADAPTER",
    "layout_controlnet": "LAYOUT_CONTROLNET",
    "scorer": "SCORER",
}.items():
    shipped.register(f"brickwork/{_name}", f"{__name__}:{_target}")

COMPOSITION = "sdxl.text2image"
"""The name of the composition that the model's repository has, in which blocks of no family are shown."""

register_shipped_composition(f"{__name__}:COMPOSITION")

ARROW_LORA = FOLDER.parent / "arrow_lora"
"""A LoRA that teaches the model a shape it does not know: "a red arrow on a blue background"."""

LAYOUT_CONTROLNET = FOLDER.parent / "layout_controlnet"
"""A ControlNet that puts what the prompt names where an image is white."""

IP_ADAPTER = FOLDER.parent / "ip_adapter"
"""An IP-Adapter with its image encoder: `ip_adapter.safetensors`, `image_encoder`, `feature_extractor`."""

SCORER = FOLDER.parent / "scorer"
"""A CLIP that was trained on the drawings and their captions: it says how well an image fits a prompt."""

GUIDANCE_SCALE = 5.0


def embedded(*, task: str | None = None, **load_options: Any) -> ModularPipeline:
    """Make a pipeline with the embedded model, loaded and ready.

    It draws 64x64 images of coloured shapes and of everyday things; `known_words()` and the card in `FOLDER` say
    which, and `unknown_words(prompt)` what in a prompt it never saw. A call logs such words, and another size, as warnings.

    Args:
        task: text to image, if None; or another of SDXL's, as of `from_pretrained`: "image2image", "inpainting", "auto".
        load_options: for `load_components`, such as `dtype`.

    Raises:
        CompositionError: the family has no such task; those that it has are named.

    Example:
        >>> pipe = embedded()
        >>> pipe(prompt="a red circle", num_inference_steps=10, output="images")[0].size
        (64, 64)
    """
    pipe = ModularPipeline.from_pretrained(str(FOLDER), task=task).load_components(**load_options)
    pipe.update_components(guider=ClassifierFreeGuidance(guidance_scale=GUIDANCE_SCALE))
    pipe.notes.append(
        f"knows {len(known_words()['things'])} words for things, and {', '.join(known_words()['shapes'])}, in "
        f"{len(known_words()['colours'])} colours: brickwork.presets.embedded.known_words(); unknown_words(prompt)"
    )
    pipe.remarks.append(call_remarks)
    return pipe


def scorer() -> dict[str, Any]:
    """Return the parts of a small CLIP that knows what the embedded model draws, as blocks of measures call them.

    Example:
        >>> sorted(scorer())
        ['clip', 'clip_image_processor', 'clip_tokenizer']
    """
    return clip_parts(SCORER)
