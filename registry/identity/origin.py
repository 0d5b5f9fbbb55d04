"""Whether a component still is as it was loaded: words for recipes and tables, no identity."""

from __future__ import annotations

from typing import Any

from ...state.watch import tensor_stamps
from ..provenance import note_provenance, provenance_of
from .tensor_content import tensors_of


def remember_loaded(component: object, files: str) -> None:
    """Note what a component was loaded from, and the stamps of its tensors then.

    Args:
        files: what tells the files apart from others of the same name.
    """
    if hasattr(component, "parameters"):
        note_provenance(component, files=files, stamps=_stamps(component))


def is_as_loaded(component: object) -> bool:
    """Return whether a component from files has the tensors that it was loaded with, not written into through torch,
    as far as torch counts; moving it does not matter.
    """
    if not hasattr(component, "parameters"):
        return True
    noted = provenance_of(component).stamps
    return noted is not None and noted == _stamps(component)


def _stamps(component: Any) -> tuple[int, ...]:
    tensors = [tensor for _, tensor in tensors_of(component)]
    # The first part are the versions. Addresses follow, and would change when a model is moved.
    versions = tensor_stamps(tensors)[: len(tensors)]
    return (*versions, *map(id, tensors))


def carry_over(component: object, copied: object) -> None:
    """Note of a copy where its original is from, as long as the original is what was loaded."""
    if hasattr(component, "parameters") and is_as_loaded(component):
        remember_loaded(copied, provenance_of(component).files)
