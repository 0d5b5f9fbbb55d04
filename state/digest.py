"""Digests of values: equal for equal content, in every process, and refused for what has no content to compare.

They say whether two values are the same, for caches and records of runs. They are no protection against somebody who makes
two values with one digest on purpose.
"""

from __future__ import annotations

import enum
import struct
import weakref
from collections import deque
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import PurePath
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import attrs
import xxhash

from . import code_digest
from .code_watch import CodeWatch
from .errors import RunError

_DEEPEST = 60


class NoDigestError(RunError):
    """A value has no content that could be compared: an open file, a generator of Python, a class of somebody's own."""


def digest_of(*values: Any) -> str:
    """Digest values, 32 hexadecimal digits.

    Tensors count with shape, strides, number format, device and bytes; pictures with mode, size and pixels; random
    generators with their state; functions and classes with their code, and what that refers to.

    Raises:
        NoDigestError: a value has no comparable content.
    """
    writer = DigestWriter()
    for value in values:
        writer.add(value)
    return writer.hexdigest()


def code_of(cls: type) -> str:
    """Digest a class; remembered as long as its code, and what that refers to, stays as it is, where that can be told."""
    watched: tuple[CodeWatch, str] | None = vars(cls).get(_WATCHED)
    if watched is not None and watched[0].holds():
        return watched[1]
    bodies = tuple(id(part) for base in cls.__mro__[:-1] for part in vars(base).values())
    known = _known_code.get(cls)
    if known is not None and known[0] == bodies:
        return known[1]
    writer = DigestWriter()
    writer.add(cls)
    found = writer.hexdigest()
    if writer.is_fixed:
        _known_code[cls] = bodies, found
    elif writer.watch.can_tell:
        # On the class itself: what is watched refers to it, and must go with it.
        type.__setattr__(cls, _WATCHED, (writer.watch, found))
        writer.watch.measure()
    return found


_WATCHED = "__brickwork_code__"
_known_code: weakref.WeakKeyDictionary[type, tuple[tuple[int, ...], str]] = weakref.WeakKeyDictionary()


class DigestWriter:
    """Feeds values to a hash, each with its kind and length, so that no two values share an encoding."""

    def __init__(self) -> None:
        self._hash = xxhash.xxh3_128()
        self._depth = 0
        self._met: dict[int, Any] = {}
        self._pending: deque[Any] = deque()
        self.is_fixed = True
        """Whether all code in it belongs to packages, so that nobody defines it anew in this process."""
        self.watch = CodeWatch()

    def hexdigest(self) -> str:
        """What was fed so far, and all code that it refers to, each piece once."""
        while self._pending:
            thing = self._pending.popleft()
            self.put("contents", code_digest.name_of(thing).encode())
            if isinstance(thing, type):
                code_digest.add_class(self, thing)
            else:
                code_digest.add_function(self, thing)
        return str(self._hash.hexdigest())

    def put(self, kind: str, data: Any = b"") -> None:
        """Feed bytes under a kind."""
        name = kind.encode()
        view = memoryview(data)
        self._hash.update(struct.pack("<HQ", len(name), view.nbytes) + name)
        self._hash.update(view)

    def add(self, value: Any) -> None:
        """Feed a value."""
        simple = _SIMPLE.get(type(value))
        if simple is not None:
            self.put(simple, repr(value).encode("utf-8", "surrogatepass"))
            return
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NoDigestError(f"A value is nested deeper than {_DEEPEST} levels.")
        try:
            self._add_other(value)
        finally:
            self._depth -= 1

    def add_all(self, kind: str, values: Iterable[Any]) -> None:
        """Feed several values under a kind."""
        items = list(values)
        self.put(kind, struct.pack("<Q", len(items)))
        for item in items:
            self.add(item)

    def _add_other(self, value: Any) -> None:
        kind = type(value).__name__
        if isinstance(value, (list, tuple, deque)):
            self.add_all("list" if isinstance(value, list) else kind, value)
        elif isinstance(value, Mapping):
            self.add_all("mapping", [part for pair in value.items() for part in pair])
        elif isinstance(value, (set, frozenset)):
            self.add_all("set", sorted(digest_of(part) for part in value))
        elif isinstance(value, (bytes, bytearray, memoryview)):
            self.put("bytes", value)
        elif isinstance(value, enum.Enum):
            self.add_all("enum", [type(value).__qualname__, value.name])
        elif isinstance(value, (range, slice, PurePath)):
            self.put(kind, repr(value).encode())
        elif isinstance(value, (type, FunctionType)):
            self.refer_to(value, is_base=not self._met)
        elif isinstance(value, MethodType):
            self.add_all("method", [value.__func__, value.__self__])
        elif isinstance(value, CodeType):
            code_digest.add_code_object(self, value)
        elif isinstance(value, ModuleType):
            self.put("module", value.__name__.encode())
        elif not (_add_torch(self, value) or _add_picture(self, value) or _add_array(self, value)):
            self._add_fields(value)

    def is_first(self, value: Any) -> bool:
        """Whether an object has not been met before, which may refer to itself."""
        is_new = id(value) not in self._met
        self._met.setdefault(id(value), (value, len(self._met)))
        return is_new

    def refer_to(self, thing: type | FunctionType, is_base: bool) -> None:
        """Feed the name of a class or function; its contents follow, once, when everything else was fed.

        Args:
            is_base: it is the class in question, or one that it derives from, and not just mentioned.
        """
        number = len(self._met)
        if id(thing) not in self._met:
            self._met[id(thing)] = thing, number
            self.is_fixed &= code_digest.is_packaged(thing.__module__)
            if code_digest.has_contents(thing, is_base):
                self._pending.append(thing)
        self.put("code", f"{self._met[id(thing)][1]} {code_digest.name_of(thing)}".encode())

    def _add_fields(self, value: Any) -> None:
        """Frozen data of classes that say what their fields are."""
        cls = type(value)
        if attrs.has(cls):
            names = [each.name for each in attrs.fields(cls)]
        elif hasattr(cls, "__dataclass_fields__"):
            names = list(cls.__dataclass_fields__)
        else:
            raise NoDigestError(f"A {cls.__module__}.{cls.__qualname__} has no content that could be compared.")
        self.add(cls)
        self.add_all("fields", [getattr(value, name) for name in names])


_SIMPLE = {type(None): "none", bool: "bool", int: "int", float: "float", complex: "complex", str: "str"}


def _add_torch(writer: DigestWriter, value: Any) -> bool:
    if not type(value).__module__.startswith("torch"):
        return False
    import torch

    if isinstance(value, torch.Tensor):
        writer.put("tensor", tensor_digest(value).encode())
    elif isinstance(value, torch.Generator):
        writer.put("generator", str(value.device).encode())
        writer.put("state", value.get_state().numpy().data)
    elif isinstance(value, (torch.dtype, torch.device, torch.layout, torch.memory_format)):
        writer.put("torch", str(value).encode())
    else:
        return False
    return True


def tensor_digest(tensor: Any) -> str:
    """Digest a tensor: shape, strides, number format, device and bytes.

    Raises:
        NoDigestError: it is sparse, quantized, without memory, or records gradients.
    """
    import torch

    if tensor.requires_grad:
        raise NoDigestError("A tensor that records gradients stands for more than its bytes.")
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta:
        raise NoDigestError(
            f"A tensor of layout {tensor.layout} on {tensor.device} has no bytes that could be compared."
        )
    hashed = xxhash.xxh3_128(f"{tensor.dtype} {tuple(tensor.shape)} {tensor.stride()} {tensor.device}".encode())
    if tensor.numel():
        hashed.update(_bytes(tensor))
    return str(hashed.hexdigest())


def _bytes(tensor: Any) -> Any:
    """The content in one piece, for a hash to read."""
    import torch

    whole = tensor.detach().cpu().contiguous()
    return (whole.reshape(-1).view(torch.uint8) if whole.dtype in _other_formats() else whole).numpy()


@cache
def _other_formats() -> frozenset[Any]:
    """Number formats that NumPy may not know."""
    import torch

    in_numpy = {torch.float32, torch.float64, torch.float16, torch.int64, torch.int32, torch.uint8, torch.bool}
    return frozenset(v for v in vars(torch).values() if isinstance(v, torch.dtype)) - in_numpy


def _add_picture(writer: DigestWriter, value: Any) -> bool:
    if not type(value).__module__.startswith("PIL."):
        return False
    writer.put("picture", f"{value.mode} {value.size}".encode())
    writer.put("data", value.tobytes())
    if value.mode in ("P", "PA"):
        writer.put("palette", bytes(value.getpalette() or []))
    return True


def _add_array(writer: DigestWriter, value: Any) -> bool:
    if type(value).__module__ != "numpy":
        return False
    import numpy as np

    if isinstance(value, np.dtype):
        writer.put("dtype", str(value).encode())
        return True
    if not isinstance(value, (np.ndarray, np.generic)) or value.dtype.hasobject:
        return False
    array = np.ascontiguousarray(value)
    writer.put("array", f"{value.dtype.str} {value.shape} {value.strides}".encode())
    writer.put("data", array.reshape(-1).view(np.uint8).data if array.size else b"")
    return True
