"""Tells whether what was digested is still the same objects with the same content, in microseconds, where that can be told.

A digest looks at everything; a watch remembers where it looked. Containers are compared by the objects in them, functions by
their code and defaults, tensors by how often they were written into and where they lie. What changes without any trace, such
as an array of NumPy, cannot be watched, and whoever asks digests it again.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping
from itertools import chain
from operator import attrgetter
from types import FunctionType
from typing import TYPE_CHECKING, Any

from attrs import define, field

from .classes.class_bodies import are_identical
from .object_content import identify_network
from .tensor_digest import tensor_digest

if TYPE_CHECKING:
    from types import CellType

    import torch

_MOST = 20_000
"""Containers and names beyond which looking at all of them costs as much as a new digest."""
_MOST_BYTES = 4 << 20
"""Of tensors beside weights, such as tables of schedulers, that are digested at every look, in 0.2 ms."""
GONE: Any = object()
"""Of a name that is not there (yet)."""
_stamp = attrgetter("_version")


@define(eq=False)
class Watch:
    """Notes where a digest has looked.

    Attributes:
        names: global names with what they stood for. places: containers. functions, cells, bases: of code. tensors, networks: that
            were read, with what their digests were.
        can_tell: whether everything could be noted.
    """

    names: list[tuple[Mapping[str, Any], str, Any]] = field(factory=list)
    places: list[Any] = field(factory=list)
    functions: list[tuple[FunctionType, Any, Any]] = field(factory=list)
    cells: list[tuple[Any, Any]] = field(factory=list)
    bases: list[tuple[type, tuple[type, ...]]] = field(factory=list)
    tensors: list[tuple[Any, str]] = field(factory=list)
    networks: list[tuple[Any, str]] = field(factory=list)
    can_tell: bool = True
    _dicts: list[dict[Any, Any]] = field(factory=list, init=False)
    _inside: list[Any] = field(factory=list, init=False)

    def see_name(self, place: Mapping[str, Any], name: str, value: object) -> None:
        """Note a name in a module that has a value now, or none (`GONE`)."""
        self.names.append((place, name, value))

    def see_function(self, function: FunctionType) -> None:
        """Note a function's code, defaults and variables of outer functions, all of which can be set anew."""
        self.functions.append((function, function.__code__, function.__defaults__))
        self.cells += [(cell, cell_value(cell)) for cell in function.__closure__ or ()]
        self.places += [part for part in (function.__kwdefaults__, vars(function)) if part]

    def see_class(self, cls: type) -> None:
        """Note a class's body as a whole."""
        # The dictionary behind the read-only proxy: it stays one object, while the proxy is new at every call.
        self.places += gc.get_referents(vars(cls))
        self.bases.append((cls, cls.__bases__))

    def measure(self) -> None:
        """Note what is in the containers, when everything was seen."""
        # What costs as much as the digest is better digested.
        self.can_tell &= len(self.places) + len(self.names) <= _MOST
        self.can_tell &= sum(tensor.nbytes for tensor, _ in self.tensors) <= _MOST_BYTES
        if self.can_tell:
            self._dicts = [place for place in self.places if isinstance(place, dict)]
            self._inside = self._objects()

    def holds(self) -> bool:
        """Return whether everything is as it was."""
        if not self.can_tell:
            return False
        # From the cheapest question to the dearest, and by identity: an equal object may be edited where the old one
        # was not.
        for place, name, value in self.names:
            if place.get(name, GONE) is not value:
                return False
        for function, code, defaults in self.functions:
            if function.__code__ is not code or function.__defaults__ is not defaults:
                return False
        for cell, content in self.cells:
            if cell_value(cell) is not content:
                return False
        if any(cls.__bases__ != bases for cls, bases in self.bases):
            return False
        return (
            are_identical(self._objects(), self._inside)
            # By content: they are small, and writing past torch leaves no trace.
            and all(tensor_digest(tensor) == digest for tensor, digest in self.tensors)
            and all(identify_network(network) == digest for network, digest in self.networks)
        )

    def _objects(self) -> list[Any]:
        """Return the objects in containers: keys and values of dicts, items of lists and sets, attributes in slots."""
        return [*chain.from_iterable(self._dicts), *gc.get_referents(*self.places)]


def tensor_stamps(tensors: list[Any]) -> list[Any]:
    """Return what of tensors changes when they are written into, or get other memory: cheap, and blind to writes past
    torch.

    The first half counts writing, the second says where they lie. Numbers only: a thousand tuples would set off Python's
    garbage collector at every run.
    """
    if not tensors:
        return []
    kind = type(tensors[0])
    try:
        # `map` over C functions, because a run asks of thousands of tensors.
        return [*map(_stamp, tensors), *map(kind.data_ptr, tensors)]
    except (RuntimeError, TypeError):  # some of inference mode, which do not count, or of classes of their own
        return [*(_version(each) for each in tensors), *(_address(each) for each in tensors)]


def _version(tensor: torch.Tensor) -> int:
    # torch raises where a tensor of inference mode is asked for its version.
    return 0 if tensor.is_inference() else int(tensor._version)


def _address(tensor: torch.Tensor) -> int:
    return int(tensor.data_ptr()) if str(tensor.layout) == "torch.strided" else id(tensor)


def cell_value(cell: CellType) -> Any:
    """Return what a variable of an outer function has now."""
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return GONE
