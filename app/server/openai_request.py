"""What a client of OpenAI's asks for: its fields, of JSON or of a form, as inputs of a workflow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...state import InputError
from ...state.errors import did_you_mean
from ...state.strict_json import parse_json
from .sent_images import image_input, kept_image, kept_mask
from .workflow_inputs import unfit_inputs

if TYPE_CHECKING:
    from .served_workflow import ServedWorkflow
    from .service import Service

OWN = "brickwork"
"""The field with inputs of the workflow: `extra_body` of OpenAI's client for Python."""
MOST_IMAGES, MOST_PARTIAL = 10, 3
_MOST_SEEDS = 2**63
_SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")
_TEXT, _WHOLE = (str,), (int,)
FIELDS: Mapping[str, tuple[type, ...]] = {
    "model": _TEXT, "prompt": _TEXT, "n": _WHOLE, "size": _TEXT, "seed": _WHOLE, "response_format": _TEXT, "output_format": _TEXT,
    "stream": (bool,), "partial_images": _WHOLE, OWN: (dict,),
    "background": _TEXT, "complexity": _TEXT, "input_fidelity": _TEXT, "moderation": _TEXT, "output_compression": _WHOLE, "quality": _TEXT,
    "safety_identifier": _TEXT, "style": _TEXT, "user": _TEXT,
}  # fmt: skip
IGNORED: Mapping[str, tuple[object, ...]] = {
    "background": ("auto", "opaque"), "complexity": (), "input_fidelity": (), "moderation": ("auto",), "output_compression": (100,),
    "quality": ("auto", "standard"), "safety_identifier": ("",), "style": (), "user": ("",),
}  # fmt: skip
"""Fields that say how models of OpenAI's are to go about it, with the values that say nothing; others are listed as ignored."""


@frozen
class ImageRequest:
    """What is asked for.

    Attributes:
        count: of images. is_url: images are told by their addresses. streams: as they come, with so many `partial_images`. ignored: fields that change nothing.
    """

    workflow: ServedWorkflow
    inputs: Mapping[str, Any]
    seed: int | None
    count: int
    is_url: bool
    streams: bool
    partial_images: int
    ignored: list[str]

    @property
    def preview(self) -> dict[str, int] | None:
        """How previews are asked for, so that there are as many as partial images."""
        if not (self.streams and self.partial_images):
            return None
        steps = self.inputs.get("num_inference_steps")
        if not isinstance(steps, int) or isinstance(steps, bool) or steps < 1:
            known = self.workflow.described()["inputs"]["properties"].get("num_inference_steps", {})
            steps = known.get("default") or 1
        return {"every": max(1, steps // (self.partial_images + 1)), "size": 512}


def read_request(service: Service, data: Mapping[str, Any], images: Mapping[str, bytes]) -> ImageRequest:
    """Return what is asked for.

    Args:
        data: fields with values of their types. images: `image` and `mask`, where they are edited.

    Raises:
        RefusedError: something is not to be had, or does not fit.
    """
    workflow = service.workflow(data.get("model"))
    count, partial = data.get("n", 1), data.get("partial_images", 0)
    faults = _faults(service, data, count, partial)
    if faults:
        raise unfit_inputs(faults)
    own = data.get(OWN, {})
    given = {"prompt": data.get("prompt"), **_sides(data.get("size"))}
    for kind, content in images.items():
        given[image_input(service, workflow, kind)] = (
            kept_mask(service, content, edits_transparent=True)
            if kind == "mask"
            else kept_image(service, content, kind)
        )
    given = {name: value for name, value in given.items() if value is not None}
    twice = [name for name in given if name in own]
    if twice:
        raise unfit_inputs([{"input": name, "text": f"{name} is given beside {OWN} and in it."} for name in twice])
    ignored = [name for name, nothing in IGNORED.items() if name in data and data[name] not in nothing]
    if partial and not data.get("stream"):
        ignored.append("partial_images")
    is_url, streams = data.get("response_format") == "url", data.get("stream", False)
    return ImageRequest(workflow, {**given, **own}, data.get("seed"), count, is_url, streams, partial, ignored)


def _faults(service: Service, data: Mapping[str, Any], count: int, partial: int) -> list[dict[str, Any]]:
    found = []

    def unless(is_right: bool, name: str, text: str) -> None:
        if not is_right:
            found.append({"input": name, "text": f"{name} {text}"})

    unless(1 <= count <= MOST_IMAGES, "n", f"is {count}; it is from 1 to {MOST_IMAGES}.")
    unless(count == 1 or not data.get("stream"), "n", f"is {count}; with stream it is 1.")
    unless(0 <= partial <= MOST_PARTIAL, "partial_images", f"is {partial}; it is from 0 to {MOST_PARTIAL}.")
    seed, size = data.get("seed", 0), data.get("size", "auto")
    unless(0 <= seed <= _MOST_SEEDS - count, "seed", f"is {seed}; it is from 0 to {_MOST_SEEDS - count}.")
    is_size = size == "auto" or _SIZE.fullmatch(size) is not None
    unless(is_size, "size", f"is {size[:40]!r}; it is WIDTHxHEIGHT in pixels, such as 1024x1024, or auto.")
    kind, form = data.get("output_format", "png"), data.get("response_format", "b64_json")
    unless(kind == "png", "output_format", f"is {kind[:40]!r}; images are png here, with their recipe in them.")
    unless(form in ("b64_json", "url"), "response_format", f"is {form[:40]!r}; it is b64_json or url.")
    has_address = form != "url" or not (service.settings.tokens or data.get("stream"))
    unless(has_address, "response_format", "is url; with stream, or where a token is needed, it is b64_json.")
    background = data.get("background")
    unless(background != "transparent", "background", "is transparent; no workflow here gives that.")
    return found


def _sides(size: str | None) -> dict[str, int]:
    found = None if size is None else _SIZE.fullmatch(size)
    return {} if found is None else {"width": int(found[1]), "height": int(found[2])}


def typed_fields(fields: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return the fields of a form, which are texts, as values of their types; `brickwork` is JSON, or each of its inputs has a field `brickwork[NAME]`.

    Raises:
        RefusedError: a field is unknown, there twice, or not of its type.
    """
    found: dict[str, Any] = {}
    faults = []
    for name, texts in fields.items():
        outer, bracket, rest = name.partition("[")
        try:
            if outer == OWN and bracket:
                inner, _, is_list = rest.partition("]")
                values = [_loose(text) for text in texts]
                if is_list not in ("", "[]"):
                    raise InputError(f"{name[:60]} is deeper than an input; give {OWN} as JSON.")
                found.setdefault(OWN, {})[inner] = values if is_list else values[-1]
            elif name not in FIELDS:
                raise InputError(
                    f"There is no field {name[:60]!r}. {did_you_mean(name[:60], [*FIELDS, 'image', 'mask'])}"
                )
            elif len(texts) > 1:
                raise InputError(f"{name} is there {len(texts)} times.")
            elif texts[0] or FIELDS[name] == _TEXT:
                found[name] = _typed(name, texts[0])
        except InputError as error:
            faults.append({"input": name[:60], "text": str(error)})
    if faults:
        raise unfit_inputs(faults)
    return found


def _typed(name: str, text: str) -> Any:
    kinds = FIELDS[name]
    if kinds == _TEXT:
        return text
    if kinds == (dict,):
        return parse_json(text.encode(), OWN, InputError, len(text) + 1, deepest=12)
    value = _loose(text)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise InputError(f"{name} is {text[:40]!r}; it is {'true or false' if kinds == (bool,) else 'a whole number'}.")
    return value


def _loose(text: str) -> Any:
    """Return the number, or true, false or null, that a text of a form is; else the text."""
    if text in _WORDS:
        return _WORDS[text]
    for kind, pattern in ((int, r"-?[0-9]{1,30}"), (float, r"-?[0-9]{1,30}(\.[0-9]{1,30})?(e-?[0-9]{1,2})?")):
        if re.fullmatch(pattern, text):
            return kind(text)
    return text


_WORDS = {"true": True, "false": False, "": None, "null": None}
