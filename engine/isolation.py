"""Per-run copies of components that a run changes, so that runs and threads do not disturb each other."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import Any

from ..state.digest import NoDigestError, digest_of
from ..state.errors import with_article
from .copies import own_copy

_NOTES = ("_brickwork_", "_diffusers_")
"""Beginnings of the attributes in which loaders note where a component is from: no state of a run, and paths of this machine."""


def clone_run_state(component: object) -> Any:
    """Copy an object so that setting its attributes, or editing what they hold, leaves the original alone.

    Tensors are copied where they lie in lists, in which some schedulers write into them (PNDM adds up); the tables that
    they are made with are shared. A scheduler in a scheduler (UniPC's `solver_p`) is cloned, too.
    """
    # Not `deepcopy`: a scheduler's tables of a thousand alphas would be copied for every run, and nobody writes into
    # them.
    clone = copy.copy(component)
    # Of the clone: what is noted of a component may be set on it by another thread meanwhile.
    for name, value in vars(clone).copy().items():
        if type(value) in (list, dict, set):
            vars(clone)[name] = own_state(value)
        # UniPC and others hold a second solver, whose state moves with theirs.
        elif hasattr(value, "set_timesteps"):
            vars(clone)[name] = clone_run_state(value)
    return clone


def own_state(part: Any) -> Any:
    """Return a part of a scheduler's state of one's own: containers, tensors, and schedulers in it are copied."""
    if type(part) in (list, tuple, set):
        return type(part)(own_state(each) for each in part)
    if type(part) is dict:
        return {key: own_state(each) for key, each in part.items()}
    if hasattr(part, "set_timesteps"):
        return clone_run_state(part)
    return own_copy(part) if hasattr(type(part), "untyped_storage") else part


def unsaveable(component: object) -> list[str]:
    """Return what a component keeps, or will keep, that no snapshot can hold: functions, and solvers of other
    libraries.
    """
    found = []
    fresh = pristine_state(component)
    for name, value in vars(component).copy().items():
        # DPMSolverSDEScheduler's, of torchsde.
        if name == "noise_sampler":  # made in the first step, of another library's Brownian tree
            found.append(f"{name!r}, which draws noise along a path that nothing can save")
        elif hasattr(value, "set_timesteps"):
            found.append(f"{name!r}, {with_article(type(value).__name__)} with a state of its own")
        elif callable(value) and not _is_same(fresh.get(name), value) and not name.startswith("_"):
            found.append(f"{name!r}, a function")
    return found


def pristine_state(component: Any) -> dict[str, Any]:
    """Return attributes, besides its configuration, that a component has when it is made anew; its own where it has
    none.

    Others that share a component may have run it, so its own attributes say nothing of where a run begins.
    """
    make = getattr(type(component), "from_config", None)
    if make is None:
        own: dict[str, Any] = vars(clone_run_state(component))
        return own
    # `from_config` and not a copy: a shared scheduler may be in the middle of somebody else's run.
    fresh = make(component.config)
    return {name: value for name, value in vars(fresh).items() if value is not fresh.config}


def _is_same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if hasattr(type(one), "untyped_storage") and type(one) is type(other):
        import torch

        return one.shape == other.shape and one.dtype == other.dtype and torch.equal(one.cpu(), other.cpu())
    if isinstance(one, FunctionType) and isinstance(other, FunctionType):
        # A constructor may make a function anew each time: equal code is the same function.
        return _code_of(one) == _code_of(other) is not None
    return type(one) is type(other) and type(one) in (bool, int, float, str) and bool(one == other)


def _code_of(function: FunctionType) -> str | None:
    try:
        return digest_of(function)
    except NoDigestError:
        return None


class RunComponents(Mapping[str, Any]):
    """The components as one run sees them: clones of those that it changes, the pipeline's own otherwise."""

    __slots__ = ("_clones", "_loaded", "_mutated", "_originals")

    def __init__(self, originals: Mapping[str, Any], mutated: frozenset[str]) -> None:
        self._originals = originals
        self._loaded: dict[str, Any] = {}
        self._mutated = mutated
        self._clones: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name in self._clones:
            return self._clones[name]
        component = self._original(name)
        if name in self._mutated and component is not None:
            # At the first use and not before the run, because it may only be loaded then.
            component = self._clones[name] = clone_run_state(component)
        return component

    def _original(self, name: str) -> Any:
        return self._loaded.get(name, self._originals[name])

    def is_absent(self, name: str) -> bool:
        """Return whether nobody has loaded a component."""
        return name not in self._loaded and self._originals[name] is None

    def is_of_run(self, name: str) -> bool:
        """Return whether a component is not the pipeline's: loaded for this run, or yet to be."""
        return self._originals[name] is None

    def changes(self) -> dict[str, dict[str, Any]]:
        """Return, by component, the attributes in which this run's clone differs from one that has not run."""
        found = {}
        for name, clone in self._clones.items():
            fresh, config = pristine_state(self._original(name)), getattr(clone, "config", None)
            found[name] = {
                key: value
                for key, value in vars(clone).items()
                if value is not config
                and not key.startswith(_NOTES)
                and (key not in fresh or not _is_same(fresh[key], value))
            }
        return found

    def put_changes(self, name: str, state: Mapping[str, Any]) -> None:
        """Bring a component to what `changes` said of it in this run or another."""
        vars(self[name]).update({**pristine_state(self._original(name)), **state})

    def kept(self, name: str) -> Callable[[], None]:
        """Return a function that brings this run's clone of a component back to what it is now."""
        clone = self[name]
        # Optional ones may be absent.
        if clone is None:
            return lambda: None
        original = vars(self._original(name))
        # Tables that the original has, too, are shared by all clones, and nobody writes into them.
        state = {key: part if original.get(key) is part else own_state(part) for key, part in vars(clone).items()}

        def bring_back() -> None:
            vars(clone).clear()
            vars(clone).update(state)

        return bring_back

    def put(self, name: str, component: object) -> None:
        """Add a component that was loaded for this run."""
        self._loaded[name] = component

    def take_out(self, name: str) -> None:
        """Let go of a component that was loaded for this run."""
        del self._loaded[name]
        # A clone shares the tensors of its original, and would keep them in memory.
        self._clones.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._originals)

    def __len__(self) -> int:
        return len(self._originals)
