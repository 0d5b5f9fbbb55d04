"""Tensors that lie in each other's memory without being one: where they are moved, they are apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from ...state import ComponentError
from .moved_tensors import inner_tensors


@frozen(eq=False)
class _Range:
    """The bytes from the first of a tensor's numbers to the last.

    Attributes:
        name: with the component's and the module's.
    """

    start: int
    end: int
    name: str
    tensor: Any
    is_buffer: bool


def refuse_overlapping(components: Mapping[str, object]) -> None:
    """Raise ComponentError, before anything is moved, if buffers lie in memory of other tensors; it names them all.

    What a layer writes into one, the other has as well, as long as both are where they were made. Parameters, which no layer writes, may.
    """
    faults = [
        f"{one.name!r} and {other.name!r} lie in the same memory, and are two tensors. Moved, they would be apart: what a layer writes into one, "
        "the other would not have. Register one tensor under both names, or give each its own memory (clone())."
        for one, other in _overlapping(components)
    ]
    if faults:
        raise ComponentError.of("Tensors would be apart where they are moved", faults)


def _overlapping(components: Mapping[str, object]) -> Iterator[tuple[_Range, _Range]]:
    found: dict[int, _Range] = {}
    for each in _ranges(components):
        found.setdefault(id(each.tensor), each)
    before: list[_Range] = []
    for each in sorted(found.values(), key=lambda each: each.start):
        before = [other for other in before if other.end > each.start]
        yield from (
            (other, each)
            for other in before
            if (other.is_buffer or each.is_buffer) and _have_bytes_in_common(other, each)
        )
        before.append(each)


def _ranges(components: Mapping[str, object]) -> Iterator[_Range]:
    for name, component in components.items():
        for path, module in getattr(component, "named_modules", tuple)():
            for table in (module._parameters, module._buffers):
                for key, tensor in table.items():
                    # Of wrappers, what they wrap is theirs alone.
                    if tensor is None or not tensor.numel() or next(inner_tensors(tensor)) is not tensor:
                        continue
                    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
                    start, whole = tensor.data_ptr(), ".".join(each for each in (name, path, key) if each)
                    end = start + (last + 1) * tensor.element_size()
                    yield _Range(start, end, whole, tensor, table is module._buffers)


def _have_bytes_in_common(one: _Range, other: _Range) -> bool:
    """Return whether two tensors of which one begins within the other have bytes in common: every other number of a table is apart from the rest."""
    import torch

    if one.tensor.is_contiguous() and other.tensor.is_contiguous():
        return True
    taken = torch.zeros(max(one.end, other.end) - one.start, dtype=torch.bool)

    def bytes_of(each: _Range) -> torch.Tensor:
        width = each.tensor.element_size()
        strides = [stride * width for stride in each.tensor.stride()]
        return taken.as_strided([*each.tensor.shape, width], [*strides, 1], each.start - one.start)

    bytes_of(one).fill_(True)
    return bool(bytes_of(other).any())
