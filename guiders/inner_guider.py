"""A guider as a setting of another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..state import InputError
from .guider_file import guider_of
from .written_settings import naming

if TYPE_CHECKING:
    import attrs


def guider_or_given(given: object) -> Any:
    """Return the guider that is meant; what means none stays as it is, to be refused by the setting's name."""
    try:
        return guider_of(given)
    except InputError:
        return given


def check_guider(made: object, field: attrs.Attribute[Any], value: object) -> None:
    """Raise InputError, with the names of the outer guider and its setting, for what is no guider."""
    with naming(type(made), field.name):
        guider_of(value)
