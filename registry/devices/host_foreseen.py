"""What a host's memory would hold of models, before they are loaded: by the lists of tensors in their files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

from attrs import frozen

from ...state import ComponentError, TrustError
from ..component_spec import ComponentSpec
from ..loading.aligned_file import LINE
from ..loading.memory_map import format_of
from ..loading.weights import data_start, stored_tensors
from .device_memory import DeviceMemory
from .host_files import OwnFile
from .host_memory import HostMemory, HostPlan, HostTensor, host_plan_of
from .moved_tensors import HeldTensor, held_tensors


@frozen
class LoadedTensor:
    """A tensor as loading would give it.

    Attributes:
        size: bytes in the dtype in which it is loaded. own: the file that would have it as it is; None where loading casts it.
    """

    shape: tuple[int, ...]
    size: int
    own: OwnFile | None


def as_loaded(spec: ComponentSpec) -> list[LoadedTensor] | None:
    """Return the tensors of a model in the dtype in which it would be loaded; None where its files are not on this machine or say nothing.

    Raises:
        ComponentError: its dtype is none of weights.
    """
    if spec.default_creation_method == "from_config":
        return []
    folders = spec.local_folders()
    if spec.repo is None or not all(folder.is_dir() for folder in folders):
        return None
    dtype = spec.format_of()
    try:
        return [each for folder in folders for each in _stored(folder, spec.variant, dtype)]
    except (ComponentError, TrustError):
        return None


def _stored(folder: Path, variant: str | None, dtype: Any) -> Iterator[LoadedTensor]:
    for name, (path, entry) in stored_tensors(folder, variant).items():
        found = format_of(entry)
        # Whole numbers, such as positions, stay what they are.
        wanted = dtype if dtype is not None and found.is_floating_point else found
        own = OwnFile(path, name, (data_start(path) + entry.first) % LINE) if wanted == found else None
        yield LoadedTensor(entry.shape, prod(entry.shape) * wanted.itemsize, own)


def loaded_bytes(spec: ComponentSpec) -> int | None:
    """Return the bytes that a model would take in memory; None where that cannot be told."""
    found = as_loaded(spec)
    return None if found is None else sum(each.size for each in found)


def foreseen_host(
    components: Mapping[str, object],
    specs: Mapping[str, ComponentSpec],
    times: Mapping[str, int],
    budget: int,
    folder: Path | None,
) -> HostPlan:
    """Return what would lie where on the host in a run, as `HostMemory` has it there.

    Args:
        components: name to what is there; None for those that are not loaded, which their specs tell of. times: how often a run reads each from
            the host. budget, folder: of `HostMemory`.
    """
    there = {name: each for name, each in components.items() if each is not None}
    reads = {id(held.tensor): times.get(name, 0) for name, each in there.items() for held in held_tensors(each)}
    known = HostMemory(budget, folder, [DeviceMemory()]).plan(there, reads)
    coming = [
        _not_there(name, each, times.get(name, 0), folder)
        for name, component in components.items()
        if component is None
        for each in as_loaded(specs[name]) or ()
    ]
    return host_plan_of([*known.kept, *known.filed, *coming], budget, folder)


def _not_there(name: str, tensor: LoadedTensor, times: int, folder: Path | None) -> HostTensor:
    import torch

    has_place = tensor.own is not None or folder is not None
    held = HeldTensor(torch.empty(tensor.shape, device="meta"), ())
    return HostTensor(name, held, tensor.size, times, tensor.own, has_place and tensor.size > 0)
