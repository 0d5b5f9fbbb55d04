"""Images as other tools send them: in base64, and masks by their conventions, as files that inputs name."""

from __future__ import annotations

import base64
import binascii
import io
from typing import TYPE_CHECKING, Any

from PIL import ImageOps

from ...blocks.steps.image_numbers import of_sixteen_bits
from ...state import InputError
from .file_store import image_of
from .workflow_inputs import FILE, unfit_inputs

if TYPE_CHECKING:
    from PIL.Image import Image

    from .served_workflow import ServedWorkflow
    from .service import Service

_ROLES = {"image": "image", "mask": "mask_image"}
"""Kinds of images, with the input that has it where a workflow's schema says none."""


def image_input(service: Service, workflow: ServedWorkflow, kind: str) -> str:
    """Return the name of the input of a workflow that takes an image, or a mask.

    Raises:
        RefusedError: it takes none; those that do are named.
    """
    found = _input_of(workflow, kind)
    if found is None:
        others = [each.id for each in service.workflows.values() if _input_of(each, kind) is not None]
        named = f"Of those that are served, {', '.join(others)} does." if others else "None that is served does."
        raise unfit_inputs([{"input": kind, "text": f"The workflow {workflow.id} takes no {kind}. {named}"}])
    return found


def _input_of(workflow: ServedWorkflow, kind: str) -> str | None:
    names = workflow.pipe.blocks.input_names
    if _ROLES[kind] in names:
        return _ROLES[kind]
    properties = workflow.pipe.input_schema()["properties"]
    return next((name for name in names if properties.get(name, {}).get("x-role") == kind), None)


def decoded(text: str, name: str) -> bytes:
    """Return what a text in base64 says, with or without the head of a `data:` address.

    Raises:
        RefusedError: it is none.
    """
    head, comma, rest = text.partition(",")
    content = rest if comma and head.startswith("data:") else text
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        said = "a text, and no image in base64; addresses and paths are none either"
        raise unfit_inputs([{"input": name, "text": f"{name} is {said}."}]) from None


def kept_image(service: Service, content: bytes, name: str) -> dict[str, str]:
    """Keep an image, and return the input that names it.

    Raises:
        RefusedError: it is no PNG, JPEG or WebP, damaged, or has too many pixels.
    """
    _read(content, name)
    return {FILE: service.files.put_image(content)}


def kept_mask(service: Service, content: bytes, edits_transparent: bool, is_inverted: bool = False) -> dict[str, str]:
    """Keep a mask in which white is drawn anew, and return the input that names it.

    Args:
        edits_transparent: what is transparent is drawn anew, as OpenAI has it; else what is opaque, and where all is opaque, what is white, as
            AUTOMATIC1111 has it. is_inverted: the other way round.

    Raises:
        RefusedError: as `kept_image`, or nothing is transparent.
    """
    image = _read(content, "mask")
    if image.mode.startswith("I"):
        # Pillow's conversion cuts 16 bits off at 255, so that all but black is white.
        image = of_sixteen_bits(image, "mask")
    alpha = _alpha(image)
    if edits_transparent:
        if alpha is None or alpha.getextrema() == (255, 255):
            text = "mask has no transparent pixel; what is transparent in it is drawn anew."
            raise unfit_inputs([{"input": "mask", "text": text}])
        mask = ImageOps.invert(alpha)
    else:
        mask = image.convert("L") if alpha is None or alpha.getextrema() == (255, 255) else alpha
    buffer = io.BytesIO()
    (ImageOps.invert(mask) if is_inverted else mask).save(buffer, "PNG")
    return {FILE: service.files.put_image(buffer.getvalue())}


def _read(content: bytes, name: str) -> Image:
    try:
        return image_of(content, name)
    except InputError as error:
        raise unfit_inputs([{"input": name, "text": str(error)}]) from None


def _alpha(image: Any) -> Image | None:
    found: Image | None = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    return found
