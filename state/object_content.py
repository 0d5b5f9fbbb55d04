"""The content of objects: attributes, slots, fields; for objects of C, what they are pickled by. What has none is refused.

An iterator, an open file or a module's own random generator has a state that nobody can look at, or that moves with every
use, so nothing that depends on it is ever taken for the same.
"""

from __future__ import annotations

import logging
import queue
import random
import re
import threading
import weakref
from collections.abc import Callable, Iterator
from functools import cached_property
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any, Generic, Protocol

from .classes.class_bodies import cached_slots
from .errors import NoDigestError, capital_article
from .written_constants import constant_name

if TYPE_CHECKING:
    from .digest import DigestWriter

_SAYING_NOTHING = (
    logging.Logger, logging.LoggerAdapter, type(threading.Lock()), type(threading.RLock()), threading.Event,
    queue.SimpleQueue, queue.Queue,
)  # fmt: skip
"""What changes no result of the code that refers to it: where to log to, what to wait for, where to put things."""
_BUILTIN = (
    BuiltinFunctionType, ClassMethodDescriptorType, GetSetDescriptorType, MemberDescriptorType, MethodDescriptorType,
    MethodWrapperType, WrapperDescriptorType,
)  # fmt: skip
_DRAWING = frozenset({"Generator", "RandomState", "BitGenerator", "PCG64", "MT19937", "Philox", "SFC64", "PCG64DXSM"})
UNCOUNTED = {"brickwork": "uncounted"}
"""Metadata of a field of an attrs class: nothing is computed with it, so a digest does not count it."""
_OF_NOBODY = frozenset({"__dict__", "__weakref__"})


def add_object(writer: DigestWriter, value: object) -> None:
    """Feed an object by its class and content.

    Raises:
        NoDigestError: it has none.
    """
    constant = constant_name(value)
    if constant is not None:
        writer.put("constant", constant.encode())
        return
    cls = type(value)
    # By attribute: this room does not import torch, and a subclass of Module that imitates it counts as one.
    if hasattr(cls, "named_parameters"):
        _add_network(writer, value)
    elif writer.is_code and (cls is object or isinstance(value, _SAYING_NOTHING)):
        writer.put("object", _name(cls).encode())
    elif isinstance(value, weakref.ref):
        writer.watch.can_tell = False  # for what it refers to may go
        writer.add_all("weak reference", [value()])
    elif isinstance(value, _BUILTIN):
        _add_builtin(writer, value)
    elif isinstance(value, re.Pattern):
        writer.add_all("pattern", [value.pattern, value.flags])
    elif isinstance(value, random.Random) or (cls.__module__.startswith("numpy.random") and cls.__name__ in _DRAWING):
        raise NoDigestError(f"{capital_article(_name(cls))} draws at random, and nothing puts it back to where it was.")
    # What `functools.lru_cache` has remembered follows from the function.
    elif hasattr(cls, "cache_info") and hasattr(value, "__wrapped__"):
        writer.add_all("remembering", [value.__wrapped__])
    elif is_of_python(cls):
        _add_attributes(writer, value)
    else:
        _add_reduced(writer, value)


def _add_attributes(writer: DigestWriter, value: object) -> None:
    if not writer.is_first(value):
        writer.put("again", str(writer.number_of(value)).encode())
        return
    uncounted = {each.name for each in getattr(type(value), "__attrs_attrs__", ()) if each.metadata == UNCOUNTED}
    held = {name: part for name, part in attributes_of(value) if name not in uncounted}
    # Its dictionary for attributes, and the object itself for slots, whose contents the garbage collector knows.
    writer.watch.places += [place for place in (getattr(value, "__dict__", None), value) if place is not None]
    writer.add(type(value))
    if isinstance(value, BaseException):
        writer.add(value.args)
    elif isinstance(value, (str, bytes, int, float)):
        kind: Any = next(kind for kind in (str, bytes, int, float) if isinstance(value, kind))
        writer.add(kind(value))
    writer.put("attributes", str(len(held)).encode())
    for name, part in sorted(held.items()):
        writer.add(name)
        writer.add(part)


def is_of_python(cls: type) -> bool:
    """Return whether all that an object of a class is lies in its attributes: no base of it keeps a state in C."""
    if cls.__module__ == "builtins":
        return False
    return all(base in _TRANSPARENT or issubclass(base, BaseException) or not _is_of_c(base) for base in cls.__mro__)


_TRANSPARENT = frozenset({object, str, bytes, int, float, Generic, Protocol})


def _is_of_c(cls: type) -> bool:
    parts = vars(cls).values()
    return any(isinstance(part, (MethodDescriptorType, GetSetDescriptorType)) and part.__name__ not in _OF_NOBODY
               for part in parts) or isinstance(vars(cls).get("__new__"), BuiltinFunctionType)  # fmt: skip


def attributes_of(value: object) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of an object, those in slots as well."""
    # Each class of the line has slots of its own, and private names in them are mangled with its name.
    for cls in type(value).__mro__:
        slots = vars(cls).get("__slots__", ())
        # What a cached property has worked out follows from the rest, and looking would work it out.
        derived = cached_slots(cls)
        for name in (slots,) if isinstance(slots, str) else slots:
            mangled = (
                f"_{cls.__name__.lstrip('_')}{name}" if name.startswith("__") and not name.endswith("__") else name
            )
            if name not in _OF_NOBODY and name not in derived and hasattr(value, mangled):
                yield mangled, getattr(value, mangled)
    for name, part in getattr(value, "__dict__", {}).items():
        if not name.startswith("_brickwork_") and not isinstance(getattr(type(value), name, None), cached_property):
            yield name, part


def _add_network(writer: DigestWriter, network: object) -> None:
    known = writer.networks.get(id(network))
    if known is not None:
        writer.put("network", known.encode())
        return
    found = identify_network(network)
    writer.watch.networks.append((network, found))
    writer.put("network", found.encode())


def identify_network(network: object) -> str:
    """Digest a network.

    Raises:
        NoDigestError: nothing tells what it is.
    """
    if _identify_network is None:
        raise NoDigestError(
            f"{capital_article(_name(type(network)))} is a network, and nothing here can compare those."
        )
    return str(_identify_network(network))


_identify_network: Any = None


def register_networks(identify: Callable[[Any], str]) -> None:
    """Say what compares networks: a function from a network to a digest, of the room that knows torch's modules."""
    global _identify_network  # noqa: PLW0603 - rooms import one way, and this one stands below that of networks
    _identify_network = identify


def _add_builtin(writer: DigestWriter, value: Any) -> None:
    owner = getattr(value, "__self__", None)
    writer.put("builtin", f"{getattr(value, '__module__', '')}.{value.__qualname__}".encode())
    if owner is not None and not isinstance(owner, (type, ModuleType)):
        writer.add(owner)


def _add_reduced(writer: DigestWriter, value: object) -> None:
    """Feed an object of C, such as a date or a decimal number, by what it is made anew from when it is pickled."""
    cls = type(value)
    writer.watch.can_tell = False
    if hasattr(value, "__next__"):
        raise NoDigestError(f"{capital_article(_name(cls))} has no content that could be compared.")
    try:
        # Protocol 4 is the first by which objects with keyword-only constructors say what they are (PEP 3154).
        reduced = value.__reduce_ex__(4)
    except (TypeError, AttributeError, NotImplementedError, ValueError):
        raise NoDigestError(f"{capital_article(_name(cls))} has no content that could be compared.") from None
    # A text names a global; more than three parts are iterators over items, which are used up by looking; and an
    # object that is made of its class alone says nothing of its content.
    if isinstance(reduced, str) or len(reduced) > 3 or (reduced[0].__name__ == "__newobj__" and len(reduced[1]) == 1):
        raise NoDigestError(f"{capital_article(_name(cls))} has no content that could be compared.")
    writer.add(cls)
    writer.add_all("reduced", list(reduced[1:]))


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
