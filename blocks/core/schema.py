"""The inputs of a workflow as JSON schema (draft 2020-12), for forms and services."""

from __future__ import annotations

import types
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal, Union, get_args, get_origin

from ...state import InputParam
from ...state.types import plain_type, type_words
from ...state.values.form import FILES, SECTIONS, UNKNOWN_IMAGE, UNSHOWN
from ...state.vocabulary import Value, value_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def input_schema(required: Iterable[InputParam], optional: Iterable[InputParam]) -> dict[str, Any]:
    """Return an object schema with one property per input; what JSON cannot hold (tensors, images) says so in
    `x-type`. How a form shows an input stands in `x-role`, `x-group`, `x-order`, `x-unit` and `x-file`.
    """
    required = list(required)
    needed = [str(param.name) for param in required]
    properties = {str(param.name): _property(param) for param in (*required, *optional)}
    return {
        "$schema": DIALECT,
        "type": "object",
        "properties": in_order(properties, needed),
        "required": needed,
        "additionalProperties": False,
    }


def in_order(properties: Mapping[str, dict[str, Any]], first: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the properties of a schema, each with its place in a form: those that must be given, then group by group.

    Args:
        first: names of those that must be given.
    """
    names = sorted(properties, key=lambda name: (name not in first, SECTIONS.index(properties[name]["x-group"])))
    return {name: {**schema, "x-order": names.index(name)} for name, schema in properties.items()}


def _property(param: InputParam) -> dict[str, Any]:
    value = value_of(param.type_hint)
    schema = _limited(type_schema(param.type_hint), value)
    if param.description:
        schema["description"] = param.description
    if not param.required:
        schema = with_default(schema, param.default)
    form = value.form if value is not None else UNKNOWN_IMAGE if _holds_image(schema) else UNSHOWN
    schema |= {"x-role": form.role, "x-group": form.section}
    if form.unit:
        schema["x-unit"] = form.unit
    if form.role in FILES:
        schema["x-file"] = True
    return schema


def _holds_image(schema: Mapping[str, Any]) -> bool:
    parts = [*schema.get("anyOf", ()), *([schema["items"]] if isinstance(schema.get("items"), dict) else [])]
    return schema.get("x-type") == "Image" or any(map(_holds_image, parts))


def with_default(schema: Mapping[str, Any], default: object) -> dict[str, Any]:
    """Return the schema of an input with what is read where nobody gives it, if JSON can hold that."""
    if not _is_json(default):
        return dict(schema)
    return {**schema, "default": list(default) if isinstance(default, tuple) else default}


def with_multiple(schema: Mapping[str, Any], multiple: int) -> dict[str, Any]:
    """Return the schema of an input whose whole numbers must be a multiple of another one."""
    if schema.get("type") == "integer":
        return {**schema, "multipleOf": multiple}
    parts = [with_multiple(part, multiple) for part in schema.get("anyOf", ())]
    return {**schema, "anyOf": parts} if parts else dict(schema)


def type_schema(hint: object) -> dict[str, Any]:  # noqa: PLR0911 - one line per kind of type
    """Return the schema of a type."""
    if hint is None or hint is Any:
        return {}
    hint = plain_type(hint)
    origin, parts = get_origin(hint), get_args(hint)
    # Exactly these types: a subclass may mean something else.
    if isinstance(hint, type) and hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if origin is Literal:
        return {"enum": list(parts)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [type_schema(part) for part in parts]}
    if origin is list:
        return {"type": "array", "items": type_schema(parts[0])}
    if origin is tuple and parts[-1] is not Ellipsis:
        return {"type": "array", "prefixItems": [type_schema(part) for part in parts], "items": False}
    if origin is dict:
        return {"type": "object", "additionalProperties": type_schema(parts[1])}
    return {"x-type": type_words(hint)}


def _limited(schema: dict[str, Any], value: Value | None) -> dict[str, Any]:
    """Put the bounds of a value on every number in its schema."""
    if value is None or (value.low is None and value.high is None):
        return schema
    if schema.get("type") in ("integer", "number"):
        low, high = ("exclusiveMinimum", "exclusiveMaximum") if value.open else ("minimum", "maximum")
        bounds = {low: value.low, high: value.high}
        return {**schema, **{name: bound for name, bound in bounds.items() if bound is not None}}
    limited = dict(schema)
    for name in ("anyOf", "prefixItems"):
        if name in limited:
            limited[name] = [_limited(part, value) for part in limited[name]]
    if isinstance(limited.get("items"), dict):
        limited["items"] = _limited(limited["items"], value)
    return limited


def _is_json(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_json, value))
    return value is None or isinstance(value, (str, int, float, bool))
