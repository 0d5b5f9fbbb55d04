"""The inputs of a workflow as JSON schema (draft 2020-12), for forms and services."""

from __future__ import annotations

import types
from collections.abc import Iterable
from typing import Any, Literal, Union, get_args, get_origin

from ...state import InputParam
from ...state.types import plain_type, type_words
from ...state.vocabulary import Value, value_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def input_schema(required: Iterable[InputParam], optional: Iterable[InputParam]) -> dict[str, Any]:
    """Return an object schema with one property per input; what JSON cannot hold (tensors, images) says so in
    `x-type`.
    """
    needed = [str(param.name) for param in required]
    properties = {str(param.name): _property(param) for param in (*required, *optional)}
    return {
        "$schema": DIALECT,
        "type": "object",
        "properties": properties,
        "required": needed,
        "additionalProperties": False,
    }


def _property(param: InputParam) -> dict[str, Any]:
    value = value_of(param.type_hint)
    schema = _limited(type_schema(param.type_hint), value)
    if param.description:
        schema["description"] = param.description
    if not param.required and _is_json(param.default):
        schema["default"] = list(param.default) if isinstance(param.default, tuple) else param.default
    return schema


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
