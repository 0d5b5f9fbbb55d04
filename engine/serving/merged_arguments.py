"""Arguments of several calls of a network as those of one, and what it returns as what each of them gets."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from weakref import ref

from ...registry.compilation import uncompiled
from ...state.digest import NoDigestError, digest_of
from ...state.errors import with_article
from ..network_calls import RowArguments

if TYPE_CHECKING:
    from torch import Tensor

FIRST = ""
"""The path of a call's first argument."""

_PLAIN = (bool, int, float, complex, str, bytes, type(None))


class NotMergeableError(Exception):
    """Why a call is made alone."""


def named_arguments(network: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call by name, in the order in which they stand.

    Raises:
        NotMergeableError: the network's signature gives them no names.
    """
    if len(args) < 2:
        # The usual case needs no signature: the first argument is known by its place.
        return {FIRST: args[0], **kwargs} if args else dict(kwargs)
    names = _names(getattr(type(uncompiled(network)), "forward", None) or network, hasattr(network, "forward"))
    if len(args) > len(names):
        raise NotMergeableError("its arguments have no names")
    return {FIRST: args[0], **dict(zip(names[1:], args[1:], strict=False)), **kwargs}


@lru_cache(maxsize=256)
def _names(function: Callable[..., Any], is_method: bool) -> tuple[str, ...]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    return tuple(each.name for each in parameters if each.kind in kinds)[int(is_method) :]


def call_with(network: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Call a network with arguments by name."""
    named = {name: value for name, value in arguments.items() if name != FIRST}
    return network(arguments[FIRST], **named) if FIRST in arguments else network(**named)


def rows_of(arguments: Mapping[str, Any]) -> int:
    """Return how many rows a call has.

    Raises:
        NotMergeableError: its first argument is no tensor with rows.
    """
    import torch

    first = next(iter(arguments.values()), None)
    if not isinstance(first, torch.Tensor) or first.ndim == 0 or not len(first):
        raise NotMergeableError("its first argument is no tensor with rows")
    return len(first)


def form_of(arguments: Mapping[str, Any], declared: RowArguments, rows: int) -> tuple[Hashable, ...]:
    """Return what must be alike in calls that are merged: shapes without rows, and whatever is no row.

    Raises:
        NotMergeableError: an argument is neither rows nor comparable.
    """
    found: list[Hashable] = []
    is_first = True
    for name, value in arguments.items():
        _add_form(found, name, value, is_first, declared, rows)
        is_first = False
    return tuple(found)


def _add_form(found: list[Hashable], path: str, value: Any, is_row: bool, declared: RowArguments, rows: int) -> None:
    import torch

    is_row = is_row or path in declared.rows
    if isinstance(value, torch.Tensor):
        shape = value.shape
        if _is_number(path, value, declared):
            found.append((path, "number", value.dtype, value.device))
        elif not is_row and path not in declared.numbers:
            found.append((path, tuple(shape), value.dtype, value.device, _tensor_content(path, value)))
        elif not shape or shape[0] != rows:
            raise NotMergeableError(f"{path} has {shape[0] if shape else 'no'} rows, and the first argument {rows}")
        else:
            found.append((path, shape[1:], value.dtype, value.device))
    elif isinstance(value, _PLAIN) or not isinstance(value, (Mapping, list, tuple)):
        found.append((path, _content(path, value)))
    elif isinstance(value, Mapping):
        found.append((path, type(value).__name__))
        for name, part in value.items():
            _add_form(found, f"{path}.{name}", part, is_row, declared, rows)
    else:
        found.append((path, type(value).__name__, len(value)))
        for part in value:
            _add_form(found, path, part, is_row, declared, rows)


def _is_number(path: str, value: Tensor, declared: RowArguments) -> bool:
    """Say whether one number stands for all rows."""
    return path in declared.numbers and value.numel() == 1 and value.ndim < 2


def _content(path: str, value: Any) -> Hashable:
    if isinstance(value, _PLAIN):
        # 1, 1.0 and True are equal, and not the same to a network.
        return type(value), value
    try:
        return digest_of(value)
    except NoDigestError as error:
        raise NotMergeableError(f"nothing tells whether two {path} are alike: {error}") from None


# By address, because tensors have no equality of their own; a reference says whether it is still the same one.
_CONTENTS: dict[int, tuple[ref[Tensor], int, str]] = {}


def _tensor_content(path: str, value: Tensor) -> str:
    """Return the digest of a tensor that is no rows: places of tokens, masks. Remembered while nobody writes into it."""
    if value.is_inference():
        return str(_content(path, value))
    place, version = id(value), value._version
    known = _CONTENTS.get(place)
    if known is not None and known[0]() is value and known[1] == version:
        return known[2]
    content = str(_content(path, value))
    _CONTENTS[place] = ref(value, lambda _: _CONTENTS.pop(place, None)), version, content
    return content


def merged_arguments(
    calls: Sequence[Mapping[str, Any]], declared: RowArguments, counts: Sequence[int], added: int
) -> dict[str, Any]:
    """Return the arguments of one call for several of the same form.

    Args:
        counts: rows of each. added: rows that are put behind them, which are the first one's again.
    """
    return {
        name: _merged(name, [call[name] for call in calls], index == 0, declared, (tuple(counts), added))
        for index, name in enumerate(calls[0])
    }


def _merged(
    path: str, values: list[Any], is_row: bool, declared: RowArguments, sizes: tuple[tuple[int, ...], int]
) -> Any:
    import torch

    first, (counts, added) = values[0], sizes
    is_row = is_row or path in declared.rows
    if isinstance(first, Mapping):
        return {k: _merged(f"{path}.{k}", [value[k] for value in values], is_row, declared, sizes) for k in first}
    if isinstance(first, (list, tuple)):
        parts = [_merged(path, list(each), is_row, declared, sizes) for each in zip(*values, strict=True)]
        return type(first)(parts)
    if not isinstance(first, torch.Tensor):
        return first
    if _is_number(path, first, declared):
        values = [value.reshape(1).expand(count) for value, count in zip(values, counts, strict=True)]
    elif not is_row and path not in declared.numbers:
        return first
    # Rows that nobody reads are those of a call, so that they are numbers of the usual size.
    return torch.cat([*values, values[0][:1].expand(added, *values[0].shape[1:])] if added else values)


def rows_between(arguments: Mapping[str, Any], declared: RowArguments, start: int, stop: int) -> dict[str, Any]:
    """Return the arguments of a call of some of the rows alone."""
    return {
        name: _between(name, value, index == 0, declared, slice(start, stop))
        for index, (name, value) in enumerate(arguments.items())
    }


def _between(path: str, value: Any, is_row: bool, declared: RowArguments, rows: slice) -> Any:
    import torch

    is_row = is_row or path in declared.rows
    if isinstance(value, Mapping):
        return {k: _between(f"{path}.{k}", part, is_row, declared, rows) for k, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_between(path, part, is_row, declared, rows) for part in value)
    if not isinstance(value, torch.Tensor) or _is_number(path, value, declared):
        return value
    return value[rows] if is_row or path in declared.numbers else value


def divided(result: Any, counts: Sequence[int], rows: int) -> list[Any]:
    """Return each call's part of what the network returned for all.

    Raises:
        NotMergeableError: something of it has not a row for each.
    """
    import torch

    if isinstance(result, torch.Tensor):
        if result.ndim == 0 or len(result) != rows:
            raise NotMergeableError("the network does not return a row for each row")
        # Copies: a view would keep the rows of all, and count the writes of all.
        return [part.clone() for part in torch.split(result[: sum(counts)], list(counts))]
    if isinstance(result, Mapping):
        found = {name: divided(value, counts, rows) for name, value in result.items()}
        # ModelOutput of transformers, BaseOutput of diffusers.
        return [type(result)(**{name: parts[i] for name, parts in found.items()}) for i in range(len(counts))]
    if isinstance(result, (list, tuple)):
        each = [divided(value, counts, rows) for value in result]
        return [type(result)(parts[i] for parts in each) for i in range(len(counts))]
    if isinstance(result, _PLAIN):
        return [result] * len(counts)
    raise NotMergeableError(f"the network returns {with_article(type(result).__name__)}, which nothing divides")
