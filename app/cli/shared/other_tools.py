"""What other tools write into PNG files, in words: AUTOMATIC1111's `parameters`, and ComfyUI's `prompt`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ....state import RepoError
from ....state.strict_json import parse_json

NEGATIVE = "Negative prompt:"
_FIELD = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
_FEWEST = 3
"""A last line with fewer fields is one of the prompt."""


def parameters_rows(text: str) -> list[tuple[str, str]]:
    """Return prompt, negative prompt and fields of a text `parameters`.

    By the rules of `parse_generation_parameters` in AUTOMATIC1111's `modules/infotext_utils.py` (1.10).
    """
    *lines, last = text.strip().split("\n")
    fields = _FIELD.findall(last)
    if len(fields) < _FEWEST:
        lines, fields = [*lines, last], []
    prompt: list[str] = []
    negative: list[str] = []
    for line in lines:
        is_first = line.startswith(NEGATIVE) and not negative
        (negative if negative or is_first else prompt).append(
            line.removeprefix(NEGATIVE).strip() if is_first else line.strip()
        )
    rows = [("prompt", "\n".join(prompt).strip())]
    rows += [("negative prompt", "\n".join(negative).strip())] if negative else []
    return rows + [(name, _unquoted(value)) for name, value in fields]


def _unquoted(value: str) -> str:
    if value.startswith('"'):
        try:
            return str(json.loads(value))
        except ValueError:
            return value
    return value.strip()


def comfy_rows(text: str) -> list[tuple[str, str]]:
    """Return what a graph of ComfyUI says: of each sampler its settings and prompts, of each loader its file.

    Raises:
        RepoError: it is no such graph.
    """
    graph = parse_json(text.encode("utf-8", "surrogatepass"), "The text 'prompt'")
    nodes = {str(key): node for key, node in graph.items() if isinstance(node, Mapping) and "class_type" in node}
    if not nodes:
        raise RepoError("The text 'prompt' has no nodes of ComfyUI.")
    rows: list[tuple[str, str]] = []
    for key, node in nodes.items():
        rows += [(f"{name} ({node['class_type']} {key})", value) for name, value in _of_node(node, nodes)]
    return rows


_TOLD = (
    "seed", "noise_seed", "steps", "cfg", "sampler_name", "scheduler", "denoise", "ckpt_name", "unet_name", "vae_name", "lora_name",
    "strength_model", "strength_clip", "control_net_name", "strength", "width", "height", "batch_size", "image", "guidance",
)  # fmt: skip
_PROMPTS = ("positive", "negative")


def _of_node(node: Mapping[str, Any], nodes: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    given = node.get("inputs")
    if not isinstance(given, Mapping):
        return
    for name in _PROMPTS:
        found = _text_of(given.get(name), nodes) if name in given else None
        if found is not None:
            yield name, found
    for name in _TOLD:
        value = given.get(name)
        if isinstance(value, (str, int, float)):
            yield name, str(value)


def _text_of(link: object, nodes: Mapping[str, Any]) -> str | None:
    """Follow a link to the text that it is from; through nodes that combine or change conditioning, the first."""
    for _ in range(len(nodes) + 1):
        if isinstance(link, str):
            return link
        if not isinstance(link, list) or not link:
            return None
        given = nodes.get(str(link[0]), {}).get("inputs")
        if not isinstance(given, Mapping):
            return None
        link = next(
            (
                given[name]
                for name in ("text", "text_g", "string", "conditioning", "positive", "conditioning_1")
                if name in given
            ),
            None,
        )
    return None
