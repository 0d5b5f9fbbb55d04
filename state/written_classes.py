"""What stood in the bodies of this package's blocks and guiders when they were made.

Of that the version says what it is, so that methods may be added, and get other names, and only what somebody has put there
since counts as content.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from .classes.class_bodies import are_identical, functions_of
from .code_home import is_own, is_own_function
from .watch import cell_value

if TYPE_CHECKING:
    from .watch import Watch

_BODIES: WeakKeyDictionary[type, dict[str, tuple[Any, Any]]] = WeakKeyDictionary()
_PLAIN = (type(None), bool, int, float, str, type)
"""Values of which the object is the content; of others, such as lists, the content may be changed in place."""


def note_body(cls: type) -> None:
    """Note what a class of this package was written with; called while it is made."""
    if is_own(cls.__module__) and "<locals>" not in cls.__qualname__:
        _BODIES[cls] = {name: (value, _stamps(value)) for name, value in vars(cls).items()}


def is_as_written(cls: type, name: str, value: object, watch: Watch) -> bool:
    """Return whether an attribute of a class is what was written there; what this was seen by is noted in the watch."""
    written, stamps = _BODIES.get(cls, {}).get(name, (_BODIES, None))
    found = _unwrapped(value)
    if found is not written or not are_identical(stamps, _stamps(found)):
        return False
    for function in {*functions_of(value), *functions_of(found)}:
        watch.see_function(function)
    parts = value if isinstance(value, tuple) else (value,)
    return bool(stamps) or all(map(_is_plain, parts))


def _is_plain(value: object) -> bool:
    """Return whether a value cannot be edited in place: it is plain, or a frozen object of this package that holds such."""
    fields = getattr(type(value), "__attrs_attrs__", None)
    if isinstance(value, _PLAIN) or fields is None or not is_own(type(value).__module__):
        return isinstance(value, _PLAIN)
    return all(isinstance(getattr(value, each.name), _PLAIN) for each in fields)


def _stamps(value: object) -> list[Any]:
    """Return what of functions can be set anew, object by object."""
    parts = [(f, f.__code__, f.__defaults__, f.__kwdefaults__ or {}) for f in functions_of(value)]
    return [each for *own, by_name in parts for each in (*own, *by_name, *by_name.values())]


def _unwrapped(value: object) -> Any:
    """Return the method around which this package has put checks, such as those of a `run` that is called by hand."""
    if not isinstance(value, FunctionType) or len(value.__closure__ or ()) != 1 or not is_own_function(value):
        return value
    inner = cell_value((value.__closure__ or ())[0])
    is_alike = isinstance(inner, FunctionType) and inner.__qualname__ == value.__qualname__
    return inner if is_alike else value
