"""Inputs of a workflow as text on a command line, by their JSON schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

WHOLE = re.compile(r"[+-]?\d+")
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def alternatives(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the kinds of value that a schema allows, without null."""
    for part in schema.get("anyOf", [schema]):
        if "anyOf" in part:
            yield from alternatives(part)
        elif part.get("type") != "null":
            yield part


def takes_several(schema: Mapping[str, Any]) -> bool:
    """Return whether a list may be given, by giving the option several times."""
    return any(each.get("type") == "array" and "prefixItems" not in each for each in alternatives(schema))


def is_switch(schema: Mapping[str, Any]) -> bool:
    """Return whether it is true or false, and nothing else."""
    kinds = list(alternatives(schema))
    return bool(kinds) and all(each.get("type") == "boolean" for each in kinds)


def choices(schema: Mapping[str, Any]) -> list[str]:
    """Return the words that may be given, where they are listed."""
    return [str(word) for each in single_kinds(schema) for word in each.get("enum", ()) if word is not None]


def names_a_file(schema: Mapping[str, Any]) -> bool:
    """Return whether a value can only come from a file: an image or a tensor."""
    kinds = [each for each in single_kinds(schema) if each]
    return bool(kinds) and all("x-type" in each for each in kinds)


def kind_words(schema: Mapping[str, Any]) -> str:
    """Say in capitals what may be given, as help shows it."""
    words = choices(schema)
    if words and all("enum" in each for each in single_kinds(schema)):
        return f"[{'|'.join(words)}]"
    named = {"integer": "INTEGER", "number": "NUMBER", "string": "TEXT", "boolean": "TRUE|FALSE", "object": "JSON"}
    if any("prefixItems" in each for each in alternatives(schema)):
        return ",".join("N" for _ in next(e for e in alternatives(schema) if "prefixItems" in e)["prefixItems"])
    kinds = [named.get(str(each.get("type")), "FILE" if "x-type" in each else "VALUE") for each in single_kinds(schema)]
    kinds = [each for each in kinds if each != "VALUE"]
    if "NUMBER" in kinds and "INTEGER" in kinds:
        kinds.remove("INTEGER")
    # A text beside a file is the file's name.
    kinds = [each for each in dict.fromkeys(kinds) if not (each == "FILE" and "TEXT" in kinds)]
    return "|".join(kinds) or "VALUE"


def converted(text: str, schema: Mapping[str, Any]) -> Any:
    """Return the value that a text stands for.

    Raises:
        ValueError: it stands for none that the schema allows.
    """
    failed = object()
    for each in sorted(_with_tuples(schema), key=_order):
        found = _as(text, each, failed)
        if found is not failed:
            return found
    raise ValueError(f"{text!r} is no {kind_words(schema)}.")


def joined(values: Sequence[Any], schema: Mapping[str, Any]) -> Any:
    """Return one value of all that an option was given: a list where there are several, or none may stand alone."""
    flat = [part for value in values for part in (value if isinstance(value, list) else [value])]
    alone = any(each.get("type") != "array" for each in alternatives(schema))
    return flat[0] if len(flat) == 1 and alone else flat


def single_kinds(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the kinds of one value, also of one in a list."""
    for each in alternatives(schema):
        if each.get("type") == "array" and "items" in each and "prefixItems" not in each:
            yield from single_kinds(each["items"] or {})
        else:
            yield each


def _with_tuples(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    singles = list(single_kinds(schema))
    numbers = [each for each in singles if each.get("type") in ("integer", "number")]
    lists = [{"type": "array", "items": {"anyOf": numbers}}] if takes_several(schema) and numbers else []
    return [*singles, *lists]


_ORDER = ("integer", "number", "boolean", "enum", "array", "object")


def _order(schema: Mapping[str, Any]) -> int:
    kind = "enum" if "enum" in schema else str(schema.get("type"))
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


def _as(text: str, schema: Mapping[str, Any], failed: object) -> Any:  # noqa: PLR0911 - one line per kind of value
    kind = schema.get("type")
    if "enum" in schema:
        return next((word for word in schema["enum"] if str(word) == text), failed)
    if kind == "integer":
        return int(text) if WHOLE.fullmatch(text) else failed
    if kind == "number":
        return _number(text, failed)
    if kind == "boolean":
        return True if text.lower() in _TRUE else False if text.lower() in _FALSE else failed
    if kind == "array":
        return _list(text, schema, failed)
    if kind == "object":
        try:
            found = json.loads(text)
        except ValueError:
            return failed
        return found if isinstance(found, dict) else failed
    if kind == "string" or "x-type" in schema:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _number(text: str, failed: object) -> Any:
    try:
        return float(text)
    except ValueError:
        return failed


def _list(text: str, schema: Mapping[str, Any], failed: object) -> Any:
    parts = [part.strip() for part in text.strip("[]()").split(",")]
    fixed = schema.get("prefixItems")
    if len(parts) < 2 or (fixed is not None and len(fixed) != len(parts)):
        return failed
    schemas = fixed if fixed is not None else [schema["items"]] * len(parts)
    try:
        found = [converted(part, each) for part, each in zip(parts, schemas, strict=True)]
    except ValueError:
        return failed
    return tuple(found) if fixed is not None else found
