"""Numbers of tensors that lie in files, and take no memory of the host: in those that they were loaded from, or in ones that are written for it.

Such a tensor is the pages of its file. The system reads them when they are used, and may forget them at any time.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...state import ComponentError
from ...state.errors import named_thing
from ..loading.aligned_file import LINE
from ..loading.base_modules import base_tensors
from ..loading.memory_map import format_of, mapped_tensors
from ..loading.weights import byte_words, data_start, header_of
from ..provenance import provenance_of
from .slabs import slabs_of

if TYPE_CHECKING:
    import torch


@frozen
class OwnFile:
    """Where the numbers of a tensor were loaded from.

    Attributes:
        name: that the tensor has in the file. line: where in a cache line its pages have it.
    """

    path: Path
    name: str
    line: int


def own_files(component: Any) -> dict[int, OwnFile]:
    """Return the files that may hold a component's numbers as they are, by identity of the tensor.

    The lists of tensors are looked at, no numbers: whether these are the same is asked by `same_in_files`.
    """
    found: dict[int, OwnFile] = {}
    for module in component.modules():
        for path in map(Path, provenance_of(module).weights):
            # A file that is gone, or another one by now, is none.
            with contextlib.suppress(ComponentError):
                found |= _in_file(path, module)
    return found


def _in_file(path: Path, module: Any) -> dict[int, OwnFile]:
    header, start = header_of(path), data_start(path)
    return {
        id(tensor): OwnFile(path, name, (start + entry.first) % LINE)
        for name, tensor in base_tensors(module)
        if (entry := header.get(name)) is not None
        and tensor.numel()
        and tensor.is_contiguous()
        and (tuple(entry.shape), format_of(entry)) == (tuple(tensor.shape), tensor.dtype)
    }


def same_in_files(wanted: Sequence[tuple[torch.Tensor, OwnFile]]) -> Iterator[torch.Tensor | None]:
    """Yield for each numbers of the host the pages of the file that hold the same bytes; None where the bytes differ.

    It reads both: nothing else tells what was written past torch's counters.
    """
    names: dict[Path, list[str]] = {}
    for _, file in wanted:
        names.setdefault(file.path, []).append(file.name)
    # One mapping of each file: a process has 65,530 at most.
    pages = {path: mapped_tensors(path, each) for path, each in names.items()}
    for numbers, file in wanted:
        mapped = pages[file.path].pop(file.name)
        yield mapped if _same_bytes(numbers, mapped) else None


def _same_bytes(one: torch.Tensor, other: torch.Tensor) -> bool:
    import torch

    # As bytes, since no NaN equals itself.
    return torch.equal(*(each.detach().reshape(-1).view(torch.uint8) for each in (one, other)))


def checked_folder(folder: str | os.PathLike[str]) -> Path:
    """Return a folder to which weights can be written; it is made if it is not there.

    Raises:
        ComponentError: nothing can be written there, or the system keeps a file until nobody maps it.
    """
    if sys.platform == "win32":
        raise ComponentError(
            "offload_folder= needs a system in which a file that is in use can be deleted (Linux, macOS), so that nothing is left when "
            "the process ends. Leave it out: weights whose own files have them need none."
        )
    if not isinstance(folder, (str, os.PathLike)) or not str(folder):
        raise ComponentError(f"offload_folder is {named_thing(folder)}; it is the path of a folder.")
    path = Path(folder).expanduser().absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise ComponentError(f"offload_folder={str(folder)!r}: nothing can be written there: {error}") from error


def written_to(folder: Path, numbers: Sequence[torch.Tensor]) -> Iterator[tuple[int, torch.Tensor]]:
    """Write numbers to files, and yield for each its index and the pages that hold it now.

    The files have no name once they are written, so the system frees them with the last tensor, however the process ends.

    Raises:
        ComponentError: there is no room, the folder is gone and cannot be made, or writing failed.
    """
    import torch

    checked_folder(folder)  # it may have been deleted since placement was turned on
    slabs = slabs_of(numbers)
    needed, free = sum(slab.padded for slab in slabs), shutil.disk_usage(folder).free
    if needed > free:
        raise ComponentError(
            f"Weights of {byte_words(needed)} that are in no file have no room in the host's memory, and offload_folder={str(folder)!r} has "
            f"{byte_words(free)} free. Name a folder with more room, or raise host_memory."
        )
    for slab in slabs:
        # One at a time, so that no more is copied at once. Zeros, because what lies between tensors is written, too.
        memory = torch.zeros(slab.padded, dtype=torch.uint8)
        for index, seat in zip(slab.indices, slab.seats, strict=True):
            seat.of(memory).copy_(numbers[index])
        pages = _file_of(folder, memory)
        yield from ((index, seat.of(pages)) for index, seat in zip(slab.indices, slab.seats, strict=True))


def _file_of(folder: Path, memory: torch.Tensor) -> torch.Tensor:
    import torch

    name = None
    try:
        handle, name = tempfile.mkstemp(prefix="brickwork-", suffix=".weights", dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(memory.numpy().data)
        # Private pages: who writes into them writes into memory, and the file stays as it is.
        storage: Any = torch.UntypedStorage.from_file(name, False, memory.numel())
    except (OSError, RuntimeError) as error:
        raise ComponentError(f"Weights could not be written to offload_folder={str(folder)!r}: {error}") from error
    finally:
        if name is not None:
            Path(name).unlink(missing_ok=True)
    return torch.empty(0, dtype=torch.uint8).set_(storage)
