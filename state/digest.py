"""Digests of values: equal for equal content, in every process, and refused for what has no content to compare.

They say whether two values are the same, for caches and records of runs. They are no protection against somebody who makes
two values with one digest on purpose.
"""

from __future__ import annotations

import contextlib
import enum
import os
import struct
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, partial
from pathlib import PurePath
from types import (
    CodeType,
    EllipsisType,
    FunctionType,
    GenericAlias,
    MethodType,
    ModuleType,
    NotImplementedType,
    UnionType,
)
from typing import TYPE_CHECKING, Any

import xxhash
from attrs import frozen

from . import code_digest, code_home, object_content
from .classes.class_bodies import parts_of
from .errors import NoDigestError, capital_article
from .tensor_digest import add_torch
from .watch import Watch

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["CodeIdentity", "DigestWriter", "NoDigestError", "code_identity", "code_of", "digest_of"]

_DEEPEST = 60


def digest_of(*values: object) -> str:
    """Digest values, 32 hexadecimal digits.

    Tensors count with shape, strides, dtype, device and bytes; images with mode, size, pixels and what changes their
    meaning; random generators with their state; functions and classes with their code, and what that refers to.

    Raises:
        NoDigestError: a value has no comparable content, or is code of which nothing says what it does.
    """
    writer = DigestWriter()
    for value in values:
        writer.add(value)
    found = writer.hexdigest()
    if writer.unknown:
        raise NoDigestError(writer.unknown[0])
    return found


class DigestWriter:
    """Feeds values to a hash, each with its kind and length, so that no two values share an encoding.

    Attributes:
        unknown: why nothing says what some of the code does that was fed: it reads the clock, or an object without content.
        watch: tells whether everything that was fed is still the same.
        generators: random generators that were fed.
        networks: by id, a name for each network that shall count by it; others count by their content.
        is_code: what is fed belongs to code, for which a logger or a lock says nothing of what it gives.
    """

    def __init__(self, networks: Mapping[int, str] | None = None, is_code: bool = False) -> None:
        self._hash = xxhash.xxh3_128()
        self._depth = 0
        self._met: dict[int, Any] = {}
        self._pending: deque[Any] = deque()
        self.unknown: list[str] = []
        self.watch = Watch()
        self.generators: list[Any] = []
        self.networks: Mapping[int, str] = networks or {}
        self.is_code = is_code

    def hexdigest(self) -> str:
        """Return what was fed so far, and all code that it refers to, each piece once."""
        while self._pending:
            thing = self._pending.popleft()
            self.put("contents", code_digest.name_of(thing).encode())
            known = len(self.unknown)
            if isinstance(thing, type):
                code_digest.add_class(self, thing)
            elif isinstance(thing, ModuleType):
                code_digest.add_module(self, thing)
            else:
                code_digest.add_function(self, thing)
            if code_home.is_of_package(thing):
                del self.unknown[known:]  # for what a package's code does stands its version
        return str(self._hash.hexdigest())

    def put(self, kind: str, data: bytes | bytearray | memoryview = b"") -> None:
        """Feed bytes under a kind."""
        name = kind.encode()
        view = memoryview(data)
        self._hash.update(struct.pack("<HQ", len(name), view.nbytes) + name)
        self._hash.update(view)

    def add(self, value: object) -> None:
        """Feed a value.

        Raises:
            NoDigestError: it has no content.
        """
        simple = _SIMPLE.get(type(value))
        if simple is not None:
            self.put(simple, repr(value).encode("utf-8", "surrogatepass"))
            return
        self._depth += 1
        try:
            if self._depth > _DEEPEST:
                raise NoDigestError(f"A value is nested deeper than {_DEEPEST} levels.")
            self._add_other(value)
        except (NoDigestError, MemoryError):
            raise
        except Exception as error:  # objects of somebody's own raise what they like when they are looked at
            raise NoDigestError(
                f"{capital_article(type(value).__qualname__)} cannot be looked at: {error!r}."
            ) from error
        finally:
            self._depth -= 1

    def add_all(self, kind: str, values: Iterable[Any]) -> None:
        """Feed several values under a kind."""
        items = list(values)
        self.put(kind, struct.pack("<Q", len(items)))
        for item in items:
            self.add(item)

    def _add_other(self, value: object) -> None:
        for kinds, add in _KINDS:
            if isinstance(value, kinds):
                add(self, value)
                return
        if not (add_torch(self, value) or _add_image(self, value) or _add_array(self, value)):
            object_content.add_object(self, value)

    def is_first(self, value: object) -> bool:
        """Return whether an object has not been met before, which may refer to itself."""
        is_new = id(value) not in self._met
        self._met.setdefault(id(value), (value, len(self._met)))
        return is_new

    def number_of(self, value: object) -> int:
        """Return the how-manieth object it is that was met."""
        return int(self._met[id(value)][1])

    def refer_to(self, thing: object, is_base: bool = False) -> None:
        """Feed the name of a class, function or module; its contents follow, once, when everything else was fed.

        Args:
            is_base: it is the class in question, or one that it derives from, and not just mentioned.
        """
        if self.is_first(thing) and code_digest.has_contents(thing, is_base):
            self._pending.append(thing)
        self.put("code", f"{self.number_of(thing)} {code_digest.name_of(thing)}".encode())


def _add_mapping(writer: DigestWriter, value: Mapping[Any, Any]) -> None:
    # The order counts: blocks may go through it. What is no dict keeps its items elsewhere, where nothing watches them.
    writer.watch.can_tell &= isinstance(value, dict)
    if writer.is_code and any(value is each for each in _ENVIRONMENT):
        writer.put("environment")
        writer.unknown.append("it refers to the environment")
        return
    writer.watch.places.append(value)
    writer.add_all("mapping", [part for pair in value.items() for part in pair])
    _add_more(writer, value)


def _add_sequence(writer: DigestWriter, value: Iterable[Any]) -> None:
    writer.watch.places.append(value)
    writer.add_all(type(value).__name__, value)
    _add_more(writer, value)


def _add_set(writer: DigestWriter, value: Iterable[Any]) -> None:
    writer.watch.places.append(value)
    writer.add_all("set", sorted(digest_of(part) for part in value))
    _add_more(writer, value)


def _add_more(writer: DigestWriter, value: object) -> None:
    """Feed what a container of a class of somebody's own is besides what it contains."""
    if not code_home.is_packaged(type(value).__module__):
        writer.watch.places.append(getattr(value, "__dict__", {}))
        writer.add(type(value))
        writer.add_all("attributes", sorted(getattr(value, "__dict__", {}).items()))


def _add_enum(writer: DigestWriter, value: enum.Enum) -> None:
    writer.add_all("enum", [type(value).__qualname__, value.name])
    if writer.is_code and not code_home.is_packaged(type(value).__module__) and writer.is_first(value):
        # Its value and attributes can be set, and code may read them.
        held = {
            name: part for name, part in vars(value).items() if name not in ("_name_", "__objclass__", "_sort_order_")
        }
        writer.watch.places.append(vars(value))
        writer.add_all("attributes", [part for pair in sorted(held.items()) for part in pair])


def _add_code(writer: DigestWriter, value: object) -> None:
    # The first thing fed is what a digest is of.
    writer.refer_to(value, is_base=not writer._met)


def _add_bytes(writer: DigestWriter, value: bytes | bytearray | memoryview) -> None:
    writer.watch.can_tell &= isinstance(value, bytes)
    writer.put("bytes", value)


def _add_partial(writer: DigestWriter, value: partial[Any]) -> None:
    writer.watch.places.append(value)
    writer.add_all("partial", [value.func, value.args, value.keywords])


def _add_method(writer: DigestWriter, value: MethodType) -> None:
    writer.add_all("method", [value.__func__, value.__self__])


def _add_descriptor(writer: DigestWriter, value: object) -> None:
    writer.add_all(type(value).__name__, parts_of(value))


def _add_repr(writer: DigestWriter, value: object) -> None:
    writer.put(type(value).__name__, repr(value).encode("utf-8", "surrogatepass"))


_ENVIRONMENT = (os.environ, getattr(os, "environb", None))
_SIMPLE = {type(None): "none", bool: "bool", int: "int", float: "float", complex: "complex", str: "str"}
_KINDS: tuple[tuple[Any, Callable[[DigestWriter, Any], None]], ...] = (
    (enum.Enum, _add_enum),
    ((list, tuple, deque), _add_sequence),
    (Mapping, _add_mapping),
    ((set, frozenset), _add_set),
    ((bytes, bytearray, memoryview), _add_bytes),
    ((range, slice, PurePath, EllipsisType, NotImplementedType, UnionType, GenericAlias), _add_repr),
    ((type, FunctionType), _add_code),
    (partial, _add_partial),
    (MethodType, _add_method),
    ((staticmethod, classmethod, property, cached_property), _add_descriptor),
    (CodeType, lambda writer, value: code_digest.add_code_object(writer, value)),
    (ModuleType, lambda writer, value: writer.refer_to(value)),
)


def _add_image(writer: DigestWriter, value: Any) -> bool:
    if not type(value).__module__.startswith("PIL.") or not hasattr(value, "getbands"):
        return False
    writer.watch.can_tell = False
    writer.put("image", f"{value.mode} {value.size}".encode())
    writer.put("data", value.tobytes())
    # Orientation and transparency say how the pixels are meant, and blocks may go by them.
    writer.put("meaning", repr(value.getexif().get(0x112)).encode())
    for name, part in sorted(image_info(value).items()):
        writer.add_all("info", [name, part])
    if value.mode in ("P", "PA"):
        writer.put("palette", repr(value.palette.mode if value.palette is not None else None).encode())
        writer.put("colours", bytes(value.getpalette(None) or []))
    return True


def image_info(image: Image) -> dict[str, Any]:
    """Return what an image says of itself besides its pixels, without how it was made."""
    own = ("brickwork", "parameters", "exif")
    return {
        str(name): part
        for name, part in image.info.items()
        if name not in own and isinstance(part, (bool, int, float, str, bytes, tuple))
    }


def _add_array(writer: DigestWriter, value: object) -> bool:
    if type(value).__module__ != "numpy":
        return False
    import numpy as np

    if isinstance(value, np.dtype):
        writer.put("dtype", str(value).encode())
        return True
    if not isinstance(value, (np.ndarray, np.generic)):
        return False
    writer.watch.can_tell = False
    writer.put("array", f"{value.dtype.str} {value.dtype} {value.shape} {value.strides}".encode())
    if value.dtype.hasobject:
        writer.add_all("objects", np.ravel(value).tolist())
        return True
    array = np.ascontiguousarray(value)
    writer.put("data", array.reshape(-1).view(np.uint8).data if array.size else b"")
    return True


@frozen
class CodeIdentity:
    """Tells one class's code from another's.

    Attributes:
        digest: of its code, and what that refers to. unknown: why nothing says what some of it does, one reason each.
    """

    digest: str
    unknown: tuple[str, ...] = ()


def code_identity(cls: type) -> CodeIdentity:
    """Identify the code of a class; remembered as long as it, and what it refers to, stays as it is, where that can be told."""
    known: tuple[Watch, CodeIdentity] | None = vars(cls).get(_WATCHED)
    if known is not None and known[0].holds():
        return known[1]
    writer = DigestWriter(is_code=True)
    writer.add(cls)
    digest = writer.hexdigest()
    found = CodeIdentity(digest, tuple(dict.fromkeys(writer.unknown)))
    if writer.watch.can_tell:
        # On the class itself: what is watched refers to it, and must go with it.
        type.__setattr__(cls, _WATCHED, (writer.watch, found))
        writer.watch.measure()
    elif known is not None:
        # What another thread, or looking at the code itself, has forgotten meanwhile is forgotten.
        with contextlib.suppress(AttributeError):
            type.__delattr__(cls, _WATCHED)
    return found


def code_of(cls: type) -> str:
    """Digest the code of a class; see `code_identity`."""
    return code_identity(cls).digest


_WATCHED = "__brickwork_code__"
