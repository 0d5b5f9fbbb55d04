"""Groups of values in signatures: one parameter or output that stands for a value of each field of the family's contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Union

from ...state import Group, InputParam
from ...state.types import resolve_hint
from ...state.vocabulary import value_of

if TYPE_CHECKING:
    from ...families.contract import ConditioningField, FamilyContract


def group_fields(family: FamilyContract, group: Group) -> list[tuple[ConditioningField, bool]]:
    """Return every field of a group, for its positive value, its negative one, or each in turn."""
    fields = family.fields(group.name)
    sides = {"both": (True, False), "positive": (True,), "negative": (False,)}[group.side]
    return [(field, positive) for field in fields for positive in sides]


def name_of(field: ConditioningField, positive: bool) -> str:
    """Name of a field's positive or negative value."""
    return field.positive if positive else field.negative


def group_of(family: FamilyContract, name: str) -> str | None:
    """Return the group that the family counts a value to."""
    for group in family.groups:
        if any(name_of(field, positive) == name for field, positive in group_fields(family, Group(group))):
            return group
    return None


def field_input(field: ConditioningField, positive: bool, family: FamilyContract, required: bool) -> InputParam:
    """Return one field as an input."""
    name = name_of(field, positive)
    required = required and field.required
    word = word_of(field, positive, family)
    hint = word if required else Union[word, None]  # noqa: UP007 - words may be forward references
    return InputParam(name, hint, None, required, field.doc or doc_of(word), group_of(family, name))


def word_of(field: ConditioningField, positive: bool, family: FamilyContract) -> Any:
    """Return the type and meaning of a field's positive or negative value."""
    word = field.word if positive or field.negative_word is None else field.negative_word
    return resolve_hint(word, type(family))


def doc_of(hint: object) -> str:
    """Return the meaning that a type has."""
    value = value_of(hint)
    return value.doc if value else ""
