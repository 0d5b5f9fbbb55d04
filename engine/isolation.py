"""Per-run copies of components that a run changes, so that runs and threads do not disturb each other."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any


def clone_run_state(component: Any) -> Any:
    """Copy an object so that setting its attributes, or editing its lists and dicts, leaves the original alone.

    Tensors are shared: the components that are cloned (schedulers) replace tensors and never edit them in place.
    """
    clone = copy.copy(component)
    for name, value in vars(component).items():
        if type(value) in (list, dict, set):
            vars(clone)[name] = copy.copy(value)
    return clone


class RunComponents(Mapping[str, Any]):
    """The components as one run sees them: clones of those that it changes, the pipeline's own otherwise."""

    __slots__ = ("_clones", "_mutated", "_originals")

    def __init__(self, originals: Mapping[str, Any], mutated: frozenset[str]) -> None:
        self._originals = originals
        self._mutated = mutated
        self._clones: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name in self._clones:
            return self._clones[name]
        component = self._originals[name]
        if name in self._mutated and component is not None:
            component = self._clones[name] = clone_run_state(component)
        return component

    def __iter__(self) -> Iterator[str]:
        return iter(self._originals)

    def __len__(self) -> int:
        return len(self._originals)
