"""Every classic pipeline of the installed diffusers, found in its source: a list that needs no import."""

from __future__ import annotations

import ast
import importlib
from functools import cache
from pathlib import Path
from typing import Any

import diffusers

FOLDER = Path(diffusers.__file__).parent / "pipelines"
NOT_HERE = {
    "Flax": "runs in JAX, and holds parameters beside its modules",
    "Onnx": "runs in ONNX Runtime, which is not a dependency; its parts are no modules of torch",
}
"""Beginnings of the names of classes that are no pipelines of torch."""
UNTYPED = {
    "AmusedImg2ImgPipeline": {"output_type"},
    "AmusedInpaintPipeline": {"output_type"},
    "AmusedPipeline": {"output_type"},
    "AudioDiffusionPipeline": {"unet"},
    "BriaFiboEditPipeline": {"do_patching"},
    "BriaFiboPipeline": {"do_patching"},
    "DiffusionGemmaPipeline": {"model", "processor"},
    "Kandinsky3Pipeline": {"latents"},
    "LLaDA2Pipeline": {"model", "tokenizer"},
    "LTX2VideoDiffusionDecodePipeline": {"scheduler"},
    "LTXI2VLongMultiPromptPipeline": {"cond_image"},
    "PRXPipeline": {"tokenizer"},
    "PRXPixelPipeline": {"tokenizer"},
    "SkyReelsV2ImageToVideoPipeline": {"image_processor"},
    "SpectrogramDiffusionPipeline": {"melgan"},
    "StableDiffusionUpscalePipeline": {"safety_checker", "watermarker"},
}
"""Components and inputs without a type: diffusers writes none, or Any, a name that its module does not import, or another class than is released."""


@cache
def classes() -> dict[str, str]:
    """Return the module of each class of pipelines that has a call, by name."""
    found: dict[str, str] = {}
    for file in sorted(FOLDER.rglob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and _is_pipeline(node) and not node.name.startswith(tuple(NOT_HERE)):
                inside = file.relative_to(FOLDER).with_suffix("").parts
                found[node.name] = ".".join(["diffusers", "pipelines", *inside])
    return found


def _is_pipeline(node: ast.ClassDef) -> bool:
    called = any(isinstance(each, ast.FunctionDef) and each.name == "__call__" for each in node.body)
    bases = [ast.unparse(base) for base in node.bases]
    # A block of modular pipelines has a call as well, and another base.
    return called and any(base.endswith("Pipeline") for base in bases)


def load(name: str) -> Any:
    return getattr(importlib.import_module(classes()[name]), name)
