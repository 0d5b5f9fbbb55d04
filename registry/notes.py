"""Where notes on a component lie: among its attributes, or beside it, where its class writes all of its attributes into files.

Image processors, feature extractors and processors of transformers do: a note of ours would make their `save_pretrained` fail.
"""

from __future__ import annotations

import weakref
from typing import Any

_beside: dict[int, tuple[weakref.ref[Any], dict[str, Any]]] = {}
"""By the number that an object has while it is there. Each operation on it is one of a dict, and needs no lock."""


def notes_of(component: object) -> dict[str, Any]:
    """Return the dict in which notes on a component lie, which is that of its attributes where nobody writes them all down.

    Notes beside an object go with it, and are not of its copies. Objects with slots keep none: each dict is a new one.
    """
    if not writes_attributes(component):
        held = getattr(component, "__dict__", None)
        return held if isinstance(held, dict) else {}
    number = id(component)
    entry = _beside.get(number)
    if entry is None:
        # Python calls this back before the number of an object that is gone can be given again.
        made = weakref.ref(component, lambda _: _beside.pop(number, None))
        # Two threads that ask first get one dict.
        entry = _beside.setdefault(number, (made, {}))
    return entry[1]


def put_note(component: object, name: str, value: object) -> None:
    """Put a note on a component.

    Raises:
        AttributeError: it has slots, and takes none.
    """
    if writes_attributes(component):
        notes_of(component)[name] = value
    else:
        # Past `__setattr__`: that of networks takes attributes apart, and that of frozen classes refuses them.
        object.__setattr__(component, name, value)


def writes_attributes(component: object) -> bool:
    """Return whether the class of a component writes all that lies on it into its files, as `to_dict` of transformers gives it."""
    cls = type(component)
    return hasattr(cls, "to_json_string") and hasattr(cls, "to_dict")
