"""Families that have presets, of the parts of which those are compared."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from adoption_classes import load
from classic_rows import ROWS as OTHERS
from classic_rows.row import Row
from coarse_images import half_mask, picture
from family_table import Family, Task, cast

SHORT = {"num_inference_steps": 2}
KLEIN = ("flux2_klein", "text2image")
KOLORS = {"prompt": "a red circle", "negative_prompt": "blue"}
MEGAPIXEL = ("HiDream", "QwenImageEdit")
"""Beginnings of the names of classes that draw, or see, a megapixel whatever is asked for."""
# Of one image, as these bring every image to a megapixel.
EDITED = {"prompt": "a red circle", "negative_prompt": None, "image": picture(3), "num_inference_steps": 1}
PICTURE = {"image": picture(3), "strength": 0.6, "num_inference_steps": 4}
MASKED = {**PICTURE, "mask_image": half_mask()}


def row(cls: Any, family: str, task: str, more: Mapping[str, Any]) -> Row:
    """Return a row of what a task of a family is asked and made of.

    Args:
        more: inputs, in place of the task's.
    """
    of: Family = importlib.import_module(f"family_rows.{family}").FAMILY
    asked: Task = of.tasks[task]
    known = inspect.signature(cls.__call__).parameters
    given = {"output_type": "pt", **asked.given, **SHORT, **asked.classic_given, **more}

    @cache
    def parts() -> Mapping[str, Any]:
        torch.manual_seed(11)
        own = {name: cast(make(), "float32") for name, make in asked.parts.items()}
        return {**of.parts("float32"), **own}

    options = {**of.classic_options, **asked.classic_options}
    configs = {name: value for name, value in options.items() if not callable(value) and value is not None}
    taken = inspect.signature(cls.__init__).parameters
    return Row(
        parts,
        {name: value for name, value in given.items() if name in known},
        {name: value for name, value in configs.items() if name in taken},
        dear=cls.__name__.startswith(MEGAPIXEL),
    )


TASKS: dict[str, tuple[str, str, Mapping[str, Any]]] = {
    "AceStepPipeline": ("ace_step", "text2music", {}),
    "ChromaInpaintPipeline": ("chroma", "inpainting", {}),
    "Flux2KleinInpaintPipeline": (*KLEIN, MASKED),
    "Flux2KleinKVPipeline": (*KLEIN, {"image": picture(3)}),
    "Flux2KleinPipeline": (*KLEIN, {}),
    "Flux2Pipeline": ("flux2", "text2image", {}),
    "HiDreamImagePipeline": ("hidream", "text2image", {"num_inference_steps": 1}),
    "HunyuanVideo15ImageToVideoPipeline": ("hunyuan_video_15", "image2video", {}),
    "HunyuanVideo15Pipeline": ("hunyuan_video_15", "text2video", {}),
    "Kandinsky3Img2ImgPipeline": ("kandinsky3", "text2image", PICTURE),
    "Kandinsky3Pipeline": ("kandinsky3", "text2image", {}),
    "KolorsImg2ImgPipeline": ("kolors", "image2image", {**KOLORS, **PICTURE}),
    "KolorsPAGPipeline": ("kolors", "text2image", KOLORS),
    "KolorsPipeline": ("kolors", "text2image", KOLORS),
    "Krea2Pipeline": ("krea2", "text2image", {}),
    "OvisImagePipeline": ("ovis_image", "text2image", {}),
    "QwenImageEditInpaintPipeline": ("qwenimage", "edit", {**EDITED, "mask_image": half_mask(), "strength": 1.0}),
    "QwenImageEditPipeline": ("qwenimage", "edit", EDITED),
    "QwenImageEditPlusPipeline": ("qwenimage", "edit plus", EDITED),
    "StableAudioPipeline": ("stable_audio", "text2audio", {}),
    "StableUnCLIPPipeline": ("unclip", "text2image", {}),
}
"""Of each class the family and its task, and what it is asked besides; some are of families with presets, and have none themselves."""

ROWS = {name: row(load(name), *asked) for name, asked in TASKS.items()}
ALL_ROWS: dict[str, Row] = {**OTHERS, **ROWS}
"""Of every class that is compared with itself, adopted."""
CHEAP = sorted(name for name, each in ALL_ROWS.items() if not each.dear)
"""Classes that are run where nobody asks for all with `--long`."""
