"""Values as a cache keeps and gives them: nothing that is kept is ever in the hands of a block, and what was one stays one.

A block may write into what it is given. So tensors, arrays, images and containers are copied when they are kept and when they
are handed out. What a step hands on from its inputs, or makes as a view of them, is put together anew from the inputs of
the run that gets it, because a later block may write into the one and read the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...state.errors import NoDigestError, RunError, named_thing
from ..copies import extent, is_strided, own_copy
from ..nodes import Values

if TYPE_CHECKING:
    import torch

_PLAIN = (str, bytes, int, float, complex, bool, type(None))


@frozen
class _Given:
    """The very object that an input was."""

    name: str


@frozen
class _View:
    """A view of a tensor among the inputs; `offset` is where it begins in the other, in elements."""

    name: str
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int


class Keeper:
    """Copies what one step has written.

    Args:
        before: the values before the step, by name.
    """

    def __init__(self, before: Mapping[str, Any]) -> None:
        self._before = before
        self._given = {id(value): name for name, value in before.items() if not isinstance(value, _PLAIN)}
        self._memory = {_memory_of(value): name for name, value in before.items() if is_strided(value)}
        self._copies: dict[int, Any] = {}
        self._taken: list[tuple[int, int, int]] = []

    def keep(self, value: Any) -> Any:
        """Copy a value.

        Raises:
            NoDigestError: it cannot be copied, or is bound to others in a way that a copy would not be.
        """
        if isinstance(value, _PLAIN):
            return value
        if id(value) in self._given:
            return _Given(self._given[id(value)])
        # Exactly these types. A subclass may hold more than its items, so it is copied whole.
        if type(value) in (list, tuple):
            return type(value)(self.keep(part) for part in value)
        if type(value) is dict:
            return {key: self.keep(part) for key, part in value.items()}
        # A tensor without elements has the address 0, as have all others of its kind: they would count as views of
        # one another.
        if is_strided(value) and value.numel() and _memory_of(value) in self._memory:
            return self._view(value, self._memory[_memory_of(value)])
        if id(value) not in self._copies:
            self._refuse_shared(value)
            self._copies[id(value)] = own_copy(value)
        return self._copies[id(value)]

    def _view(self, value: Any, name: str) -> _View:
        base = self._before[name]
        # Relative to the base, because the run that gets it has a base with an offset of its own.
        offset = value.storage_offset() - base.storage_offset()
        if value.dtype != base.dtype or offset < 0 or offset + extent(value) > extent(base):
            raise NoDigestError(f"it gives a view of the memory of {name!r} that {name!r} alone does not hold")
        return _View(name, tuple(value.shape), value.stride(), offset)

    def _refuse_shared(self, value: Any) -> None:
        """Refuse two results that overlap in memory, and arrays that are views of an input."""
        if is_strided(value):
            # In bytes, because one memory may be seen as numbers of two sizes.
            first = int(value.storage_offset()) * value.element_size()
            end = first + extent(value) * value.element_size()
            memory = _memory_of(value)
            if any(m == memory and first < e and f < end for m, f, e in self._taken):
                raise NoDigestError("it gives two tensors that overlap in memory")
            self._taken.append((memory, first, end))
        elif type(value).__module__ == "numpy" and getattr(value, "base", None) is not None:
            import numpy as np

            arrays = [part for part in self._before.values() if isinstance(part, np.ndarray)]
            if any(np.may_share_memory(value, part) for part in arrays):
                raise NoDigestError("it gives an array that is a view of one of its inputs")


def handed_out(kept: Any, values: Values, copies: dict[int, Any]) -> Any:
    """Make a value of one's own of what is kept.

    Args:
        values: of the run that gets it, as they were before the step. copies: of this step, so that what is one stays one.
    """
    if isinstance(kept, _PLAIN):
        return kept
    if isinstance(kept, _Given):
        return values[kept.name]
    # Of this run's own input: who writes into that later sees it here too, as where the step had been run.
    if isinstance(kept, _View):
        base = values[kept.name]
        return base.as_strided(kept.shape, kept.stride, base.storage_offset() + kept.offset)
    if type(kept) in (list, tuple):
        return type(kept)(handed_out(part, values, copies) for part in kept)
    if type(kept) is dict:
        return {key: handed_out(part, values, copies) for key, part in kept.items()}
    if id(kept) not in copies:
        copies[id(kept)] = own_copy(kept)
    return copies[id(kept)]


def written_kept(kept: Any) -> list[Any]:
    """Return what is kept as a tree of lists: a word for the kind, and what belongs to it.

    Raises:
        RunError: a file would give something else back than what is kept.
    """
    if isinstance(kept, _Given):
        return ["given", kept.name]
    if isinstance(kept, _View):
        return ["view", kept.name, list(kept.shape), list(kept.stride), kept.offset]
    if type(kept) in (list, tuple):
        return [type(kept).__name__, *map(written_kept, kept)]
    if type(kept) is dict:
        return ["dict", *([key, written_kept(part)] for key, part in kept.items())]
    is_of_library = type(kept).__module__.partition(".")[0] in ("torch", "numpy", "PIL")
    if type(kept) not in _PLAIN and (not is_of_library or (getattr(kept, "__dict__", None) and is_strided(kept))):
        raise RunError(f"its result has {named_thing(kept)}, which no file gives back as it is")
    return ["value", kept]


def kept_of_data(data: Any) -> Any:
    """Return what `written_kept` has written.

    Raises:
        ValueError: it is none of that.
    """
    kind, *parts = data
    match kind:
        case "given":
            return _Given(*parts)
        case "view":
            name, shape, stride, offset = parts
            return _View(name, tuple(shape), tuple(stride), offset)
        case "list":
            return [kept_of_data(part) for part in parts]
        case "tuple":
            return tuple(kept_of_data(part) for part in parts)
        case "dict":
            return {key: kept_of_data(part) for key, part in parts}
        case "value":
            (value,) = parts
            return value
    raise ValueError(f"{kind!r:.40} is no kind of value")


def _memory_of(tensor: torch.Tensor) -> int:
    address: int = tensor.untyped_storage().data_ptr()
    return address
