"""What Mellon, diffusers' editor of nodes, reads of a pipeline: one node with the inputs, models and outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

MELLON_CONFIG = "mellon_pipeline_config.json"
_KINDS = {"integer": "int", "number": "float", "string": "string", "boolean": "boolean"}
_IMAGES = {"image", "mask", "control"}


def mellon_config(
    label: str, schema: Mapping[str, Any], components: Iterable[str], outputs: Iterable[str]
) -> dict[str, Any]:
    """Return the description of one node for a pipeline.

    Args:
        schema: of the inputs, as `pipe.input_schema()` returns it. components: names of models that it is given. outputs: names of values that it gives.
    """
    first: Mapping[str, Any] = next(iter(schema.get("anyOf", ())), {})
    needed = {*schema["required"], *first.get("required", ())}
    inputs = {name: _input(name, said, name in needed) for name, said in schema["properties"].items()}
    models = {name: _field(name, "diffusers_auto_model", display="input") for name in components}
    # An output that has an input's name is told from it by a prefix, as Mellon does.
    given = {(f"out_{name}" if name in inputs else name): name for name in outputs}
    shown = {
        key: _field(name, "image" if name == "images" else "custom", display="output") for key, name in given.items()
    }
    node = {
        "params": {**inputs, **models, **shown},
        "input_names": list(inputs),
        "model_input_names": list(models),
        "output_names": list(shown),
        "block_name": "custom",
        "node_type": "custom",
    }
    return {"label": label, "default_repo": "", "default_dtype": "", "node_params": {"custom": node}}


def _input(name: str, said: Mapping[str, Any], is_needed: bool) -> dict[str, Any]:
    kinds = [each.get("type") for each in said.get("anyOf", (said,))]
    kind = next((_KINDS[each] for each in kinds if each in _KINDS), "custom")
    if said.get("x-role") in _IMAGES:
        kind = "image"
    found = _field(name, kind, is_needed)
    if kind in ("image", "custom"):
        return {**found, "display": "input"}
    bounds = {key: said[of] for key, of in (("min", "minimum"), ("max", "maximum")) if of in said}
    default = said.get("default")
    return {**found, **bounds, **({} if default is None else {"default": default})}


def _field(name: str, kind: str, is_needed: bool = False, **more: str) -> dict[str, Any]:
    return {"label": name.replace("_", " ").capitalize() + (" *" if is_needed else ""), "type": kind, **more}
