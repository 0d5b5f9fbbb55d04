"""Guiders of this package by the names that files, and diffusers, have for them. Each registers itself when it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from ..state.code_home import is_own

if TYPE_CHECKING:
    from .guider import Guider

CONFIG_NAME = "guider_config.json"


class AnyGuider:
    """Stands for every guider, for files that need not know more."""


GUIDERS: dict[str, type[Guider]] = {}
"""Ours by their names."""


def register(cls: type[Guider]) -> None:
    """Register a guider of this package; those of others are given where a file names them."""
    if is_own(cls.__module__) and "<locals>" not in cls.__qualname__:
        GUIDERS[cls.__name__] = cls
        for name in sorted(GUIDERS):  # so that lists of them do not hang on who was imported first
            GUIDERS[name] = GUIDERS.pop(name)


def is_guider(value: object) -> TypeGuard[Guider]:
    """Return whether a value is a guider, of this package or of somebody else's."""
    return isinstance(value, AnyGuider)
