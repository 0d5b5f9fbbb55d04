"""The guiders that a pipeline takes, with their settings as JSON schema."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Union

import attrs

from ...blocks.core.flattening import walk_scopes
from ...blocks.core.schema import DIALECT, type_schema, with_default
from ...blocks.core.scope_names import components_at
from ...guiders import GUIDERS, Guider
from ...state import InputError
from ...state.classes.meanings import first_line, meanings
from ...state.structure import Check

if TYPE_CHECKING:
    from ..modular_pipeline import ModularPipeline


def guider_schemas(pipe: ModularPipeline) -> list[dict[str, Any]]:
    """Return each guider that goes with the blocks and components of a pipeline: `name`, `description`, whether it is the pipeline's own
    (`selected`), and the `schema` of its settings, whose defaults are those of the pipeline's own.

    One that cannot be made of data, as it is given a function, is not among them.
    """
    if not pipe.guider_names:
        return []
    name = next(iter(pipe.guider_names))
    own = pipe.components[name]
    made = dict(_made())
    faults = {cls: frozenset(_faults_with(pipe, name, guider)) for cls, guider in made.items()}
    # What is wrong whichever guider it is, is not theirs.
    common = frozenset.intersection(*faults.values())
    return [
        {
            "name": cls.__name__,
            "description": first_line(cls),
            "selected": type(own) is cls,
            "schema": guider_schema(cls, own if type(own) is cls else guider),
        }
        for cls, guider in made.items()
        if faults[cls] <= common
    ]


def guider_schema(cls: type[Guider], settings: Guider | None = None) -> dict[str, Any]:
    """Return the settings of a guider as JSON schema.

    Args:
        settings: whose values are the defaults; None are those of the class.
    """
    hints = typing.get_type_hints(cls, include_extras=True)
    fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(cls)
    said = meanings(cls.__mro__, [each.name for each in fields])
    properties, required = {}, []
    for each in fields:
        schema = _setting_schema(hints[each.name])
        if each.default is attrs.NOTHING:
            required.append(each.name)
        default = getattr(settings, each.name) if settings is not None else each.default
        schema = with_default(schema, default)
        properties[each.name] = {**schema, "description": said[each.name]} if each.name in said else schema
    return {
        "$schema": DIALECT,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _setting_schema(hint: Any) -> dict[str, Any]:
    check = next((each for each in getattr(hint, "__metadata__", ()) if isinstance(each, Check)), None)
    if check is not None and check.schema:
        return dict(check.schema)
    if typing.get_origin(hint) in (Union, types.UnionType):
        return {"anyOf": [_setting_schema(part) for part in typing.get_args(hint)]}
    return type_schema(hint)


def _made() -> Iterator[tuple[type[Guider], Guider]]:
    for cls in GUIDERS.values():
        try:
            yield cls, cls()
        except InputError:  # a setting without a default is a function
            continue


def _faults_with(pipe: ModularPipeline, name: str, guider: Guider) -> Iterator[str]:
    """Yield what the blocks of a pipeline find wrong among its components if another guider is one of them."""
    held: Mapping[str, Any] = {**pipe.components, name: guider}
    for _, block, around in walk_scopes(pipe.blocks):
        yield from block.component_faults(components_at(around, held))
