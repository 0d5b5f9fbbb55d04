"""What can be told of weights without reading them: safetensors files begin with a list of their tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ...state import ComponentError, RepoError, TrustError
from ...state.strict_json import read_json
from ...state.tensor_list import TensorEntry, TensorList, read_tensor_list
from .weight_names import WeightNames, weights_among

_UNITS = ("B", "KB", "MB", "GB", "TB")


def stored_bytes(folder: Path, variant: str | None = None) -> int | None:
    """Return the bytes of all tensors in a folder's safetensors files; 0 where there are none, None where it cannot be
    told.

    Args:
        variant: counts the files of a variant ("fp16" in "model.fp16.safetensors"), else those of none.
    """
    if not folder.is_dir():
        return None
    try:
        return sum(tensor_bytes(path) for path in weight_files(folder, variant))
    except (ComponentError, TrustError):
        return None


def weights_in(folder: Path, variant: str | None = None) -> WeightNames:
    """Return the files of a model's folder that hold its weights.

    Raises:
        ComponentError: its index or configuration cannot be read. TrustError: the index names files elsewhere.
    """
    names = {path.name for path in folder.iterdir() if path.is_file()} if folder.is_dir() else set()
    return weights_among(names, variant, lambda name: _json_of(folder / name))


def weight_files(folder: Path, variant: str | None = None) -> list[Path]:
    """Return the safetensors files of a model's folder: one, or its shards; none but those that its loader reads.

    Raises:
        ComponentError: its index or configuration cannot be read. TrustError: the index names files elsewhere.
    """
    return [folder / name for name in weights_in(folder, variant).files]


def _json_of(path: Path) -> Mapping[str, Any]:
    stat = path.stat()
    return _read_json(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _read_json(path: Path, _size: int, _changed: int) -> Mapping[str, Any]:
    try:
        # What is remembered is shared, so nobody may write into it.
        return MappingProxyType(read_json(path))
    except RepoError as error:
        raise ComponentError(str(error)) from error


def stored_tensors(folder: Path, variant: str | None = None) -> dict[str, tuple[Path, Any]]:
    """Return every tensor of a model's files: name to the file that it is read from, and what that file says of it.

    Raises:
        ComponentError: a file is damaged, or a list of shards does not say what they hold.
    """
    found = weights_in(folder, variant)
    stored: dict[str, tuple[Path, Any]] = {}
    said: dict[str, set[str]] = {name: set() for name in found.files}
    for tensor, name in (found.places or {}).items():
        said[name].add(tensor)
    # A later shard would silently win over an earlier one that holds the same name.
    for name in found.files:
        entries = header_of(folder / name)
        if found.index is not None:
            _check_places(entries.keys(), said[name], folder / name, found.index)
        stored |= {each: (folder / name, entry) for each, entry in entries.items()}
    return stored


def _check_places(held: Set[str], said: set[str], shard: Path, index: str) -> None:
    """A shard holds what the index says, and nothing else: a tensor could otherwise be read from either of two files."""
    lacking, more = said - held, held - said
    if lacking or more:
        words = f"does not hold {_some(lacking)}" if lacking else f"holds {_some(more)}"
        raise ComponentError(
            f"{shard} {words}, and by {index} it should{'' if lacking else ' not'}: they are of different saves. Copy or download "
            "both again."
        )


def _some(names: Set[str]) -> str:
    return f"{min(names)}{f' and {len(names) - 1} more' if len(names) > 1 else ''}"


def weights_at(place: Path, variant: str | None = None) -> list[Path]:
    """Return the weight files of a folder, or a single file; none where there is nothing on this machine."""
    if place.is_dir():
        return weight_files(place, variant)
    return [place] if place.is_file() else []


def file_stamp(folder: Path, variant: str | None = None) -> str:
    """Return what tells the weights of a local folder from what was there before under the same names; empty for no
    folder.
    """
    try:
        files = weights_at(folder, variant)
        index = weights_in(folder, variant).index if folder.is_dir() else None
    except (ComponentError, TrustError) as error:
        # A stamp all the same: once the files are whole again it is another one.
        return f"unreadable: {error}"
    stats = [(path.name, path.stat()) for path in (*files, *([folder / index] if index else []))]
    return " ".join(f"{name}:{stat.st_size}:{stat.st_mtime_ns}" for name, stat in stats)


def tensor_bytes(path: Path) -> int:
    """Return the bytes of the tensors that a safetensors file lists."""
    return sum(entry.end - entry.first for entry in header_of(path).values())


def check_file(path: Path) -> None:
    """Compare a file's size with what its header promises.

    Raises:
        ComponentError: it is truncated, has a tail that belongs to nothing, or is no safetensors file.
    """
    expected = tensor_list(path).size
    found = path.stat().st_size
    if found != expected:
        raise ComponentError(
            f"{path} has {found:,} bytes, and {expected:,} by its own list of tensors: "
            f"{'it is truncated; copy or download it again' if found < expected else 'something was appended to it'}."
        )


def header_of(path: Path) -> Mapping[str, TensorEntry]:
    """Return what a safetensors file says of its tensors, by name.

    Raises:
        ComponentError: it is no safetensors file.
    """
    return tensor_list(path).entries


def tensor_list(path: Path) -> TensorList:
    """Return the list at the beginning of a safetensors file, read once as long as the file stays as it is.

    Raises:
        ComponentError: it is no safetensors file.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise ComponentError(f"{path} cannot be read: {error}") from error
    return _list(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _list(path: Path, _size: int, _changed: int) -> TensorList:
    return read_tensor_list(path, ComponentError)


def data_start(path: Path) -> int:
    """Return bytes before the first tensor."""
    return tensor_list(path).start


def byte_words(count: float) -> str:
    """Return a number of bytes for people: "11.5 MB"."""
    for unit in _UNITS:
        if count < 1000 or unit == _UNITS[-1]:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError


def enough_words(count: int) -> str:
    """Return a number of bytes for people, rounded up: `bytes_of` it is at least as many."""
    unit = 1
    while count >= 1000 * unit and unit < 1000 ** (len(_UNITS) - 1):
        unit *= 1000
    step = 1 if unit == 1 else unit if count >= 100 * unit else unit // 10
    return byte_words(-(-count // step) * step)


def bytes_of(amount: int | str) -> int:
    """Return a number of bytes, as such or in words: "8GB", "500 MB", "2GiB".

    Raises:
        ComponentError: it is neither.
    """
    if isinstance(amount, int) and not isinstance(amount, bool) and amount >= 0:
        return amount
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B\s*", str(amount), re.IGNORECASE)
    if found is None:
        raise ComponentError(f"{amount!r} is no number of bytes; give one as in 8_000_000_000, '8GB' or '7.5GiB'.")
    number, unit, binary = found.groups()
    # As drives and torch's messages count: GB in thousands, GiB in 1024s.
    step = 1024 if binary else 1000
    return int(float(number) * step ** " KMGT".index(unit.upper() or " "))
