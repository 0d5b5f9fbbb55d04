"""Limits of what may be made while a component is loaded: as much as its files hold, however large the numbers of its configuration.

A model is made before its weights are compared with it, so a configuration of two hundred bytes could ask for ten million layers.
What is counted is what is made, as nothing says in general which number of a configuration counts layers and which one words.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define

from ...state import ComponentError, RepoError
from ...state.limits import (
    BYTES_PER_PART,
    MOST_TIMESTEPS,
    NUMBERS_OF_A_MODEL,
    NUMBERS_PER_BYTE,
    NUMBERS_WITHOUT_FILES,
    PARTS_OF_A_MODEL,
    PARTS_PER_TENSOR,
    PARTS_WITHOUT_FILES,
)
from ...state.strict_json import read_json
from .weights import tensor_list

if TYPE_CHECKING:
    import torch

_DEPTH = re.compile(r"(num|n)_(\w+_)?(layers?|blocks?)|depths?|layers?_per_block|transformer_layers_per_block")
_TIMESTEPS = "num_train_timesteps"
_CONFIGS = ("config.json", "scheduler_config.json")


@define(eq=False)
class _Budget:
    """Counts what may be made yet, and has words for what it is made of."""

    place: str
    config: Mapping[str, Any]
    parts: int
    numbers: int
    most_parts: int
    most_numbers: int

    def spend(self, parts: int, numbers: int) -> None:
        self.parts -= parts
        self.numbers -= numbers
        if self.parts < 0:
            raise self._fault(f"more than {self.most_parts:,} modules and parameters")
        if self.numbers < 0:
            raise self._fault(f"parameters of more than {self.most_numbers:,} numbers")

    def check_depths(self) -> None:
        """Refuse depths before anything is made: libraries make lists as long as there are layers."""
        for name, value in _whole_numbers(self.config):
            if value > self.most_parts and _DEPTH.fullmatch(name.rpartition(".")[2]):
                raise ComponentError(
                    f"{self.place}: {name} is {_digits(value)}; with the weights that there are, a model has at most "
                    f"{self.most_parts:,} modules and parameters."
                )

    def _fault(self, words: str) -> ComponentError:
        largest = sorted(_whole_numbers(self.config), key=lambda each: -each[1])[:5]
        named = ", ".join(f"{name} = {_digits(value)}" for name, value in largest)
        return ComponentError(
            f"{self.place} asks for a model with {words}, which is more than its files can hold. Its largest numbers: {named}."
        )


class _Thread(threading.local):
    budget: _Budget | None = None


_OF_THREAD = _Thread()
_HOOKED = threading.Lock()
_hooks: list[Any] = []


@contextmanager
def limited_by_files(folder: Path, *others: Path) -> Iterator[None]:
    """Limit this thread, as long as a model of a folder is made, to what its files hold.

    Args:
        others: files elsewhere that hold its weights.

    Raises:
        ComponentError: its configuration asks for more.
    """
    tensors = size = 0
    for path in (*(folder.iterdir() if folder.is_dir() else ()), *others):
        if path.is_file():
            size += path.stat().st_size
            tensors += _tensors_in(path) if path.suffix == ".safetensors" else 0
    # Wide enough for every known model, several times over: the limit is there for what a file of two hundred bytes
    # asks for.
    parts = PARTS_OF_A_MODEL + PARTS_PER_TENSOR * tensors + size // BYTES_PER_PART
    with _limited(str(folder / _CONFIGS[0]), _config_in(folder), parts, NUMBERS_OF_A_MODEL + NUMBERS_PER_BYTE * size):
        yield


@contextmanager
def limited_without_files(place: str, config: Mapping[str, Any]) -> Iterator[None]:
    """Limit this thread, as long as something is made of a configuration alone.

    Raises:
        ComponentError: it asks for more than anything that is known.
    """
    check_timesteps(place, config)
    with _limited(place, config, PARTS_WITHOUT_FILES, NUMBERS_WITHOUT_FILES):
        yield


def check_timesteps(place: str, config: Mapping[str, Any]) -> None:
    """Refuse a noise schedule whose table would be larger than any.

    Raises:
        ComponentError: it has too many timesteps.
    """
    steps = config.get(_TIMESTEPS)
    if isinstance(steps, (int, float)) and steps > MOST_TIMESTEPS:
        raise ComponentError(
            f"{place}: {_TIMESTEPS} is {_digits(steps)}; a noise schedule has at most {MOST_TIMESTEPS:,}."
        )


def check_schedule(folder: Path) -> None:
    """Look at the configuration of a noise schedule in a folder, before it is loaded.

    Raises:
        ComponentError: it has too many timesteps.
    """
    for name in _CONFIGS:
        if (folder / name).is_file():
            check_timesteps(str(folder / name), read_json(folder / name))


@contextmanager
def _limited(place: str, config: Mapping[str, Any], parts: int, numbers: int) -> Iterator[None]:
    _hook_torch()
    budget = _Budget(place, config, parts, numbers, parts, numbers)
    # A list of ten million layers is made before its first layer is registered.
    budget.check_depths()
    # A model may be made while another one is, such as a text encoder within a processor.
    before, _OF_THREAD.budget = _OF_THREAD.budget, budget
    try:
        yield
    finally:
        _OF_THREAD.budget = before


def refuse_large(count: int) -> None:
    """Refuse a tensor that is made for a model, and is larger than all of its files together.

    Raises:
        ComponentError: it is.
    """
    budget = _OF_THREAD.budget
    if budget is not None and count > budget.most_numbers:
        budget.spend(0, count)


def _hook_torch() -> None:
    """Let torch tell of every module and parameter.

    Once for the process, and for good: taking a hook away would be a change of what other threads go through. Outside of a limit it
    does nothing.
    """
    from torch.nn.modules import module

    with _HOOKED:
        if not _hooks:
            _hooks.append(module.register_module_module_registration_hook(_count_module))
            _hooks.append(module.register_module_parameter_registration_hook(_count_parameter))


def _count_module(_module: object, _name: str, _part: object) -> None:
    if _OF_THREAD.budget is not None:
        _OF_THREAD.budget.spend(1, 0)


def _count_parameter(_module: object, _name: str, parameter: torch.nn.Parameter | None) -> None:
    if _OF_THREAD.budget is not None:
        from torch.nn.parameter import is_lazy

        _OF_THREAD.budget.spend(1, 0 if parameter is None or is_lazy(parameter) else parameter.numel())


def _tensors_in(path: Path) -> int:
    try:
        return len(tensor_list(path).entries)
    except ComponentError:
        return 0  # whoever reads it says what is wrong with it


def _config_in(folder: Path) -> Mapping[str, Any]:
    path = folder / _CONFIGS[0]
    try:
        return read_json(path) if path.is_file() else {}
    except RepoError:
        return {}  # whoever reads it says what is wrong with it


def _whole_numbers(config: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield all whole numbers of a configuration, each with its place."""
    pending: list[tuple[str, Any]] = [(str(name), value) for name, value in config.items()]
    while pending:
        name, value = pending.pop()
        if isinstance(value, int) and not isinstance(value, bool):
            yield name, value
        elif isinstance(value, Mapping):
            pending += [(f"{name}.{key}", each) for key, each in value.items()]
        elif isinstance(value, (list, tuple)):
            pending += [(name, each) for each in value]


def _digits(value: float) -> str:
    return f"{value:,}" if abs(value) < 1e15 else f"{value:.3e}" if abs(value) < 1e300 else "more than 1e300"
