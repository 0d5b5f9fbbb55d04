"""Writes down what a run begins with, fast: this happens at every run."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..engine.arithmetic import arithmetic
from ..state.code_digest import is_packaged
from ..state.digest import code_of
from .base import ModularPipelineBlocks
from .composition import coded_class, describe
from .flattening import walk
from .recipe import Recipe
from .recipe_values import noted_inputs

if TYPE_CHECKING:
    from .modular_pipeline import ModularPipeline

_PACKAGES = ("brickwork", "torch", "diffusers", "transformers")


def recipe_of(
    pipe: ModularPipeline,
    components: tuple[str, ...],
    values: Mapping[str, Any],
    asked: Any,
    held: Mapping[str, Any] | None = None,
) -> Recipe:
    """Write down a run before it begins.

    Args:
        components: names of those that it uses. values: what it is given. asked: as `output=` has it.
        held: the components, where they are others than the pipeline's.
    """
    notes = pipe.component_notes.of(pipe, components, pipe.components if held is None else held)
    inputs, generators = noted_inputs(values)
    settings = pipe.settings
    known = {
        "software": _software(),
        "device": str(pipe.device),
        "arithmetic": arithmetic(),
        "settings": {"grad": settings.grad, "residency": settings.residency, "load": settings.load},
        "composition": pipe.described(),
        "configs": pipe.config.written,
        "components": notes.written,
        "inputs": inputs,
        "generators": generators,
        "output": asked if asked is None or isinstance(asked, str) else list(asked),
    }
    return Recipe(known, notes.weights)


@frozen
class Description:
    """A composition as data, and the code that it was written down for.

    Somebody may define blocks anew, or what they refer to, between two runs.
    """

    data: dict[str, Any]
    classes: tuple[type, ...]
    codes: tuple[str, ...]

    @classmethod
    def of(cls, blocks: ModularPipelineBlocks) -> Description:
        """Describe a composition now."""
        classes = dict.fromkeys(coded_class(block) for _, block in walk(blocks))
        own = tuple(each for each in classes if not is_packaged(each.__module__))
        return cls(describe(blocks), own, tuple(map(code_of, own)))

    def holds(self) -> bool:
        """Whether the code is still the same."""
        return tuple(map(code_of, self.classes)) == self.codes


@cache
def _software() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a folder that was not installed
        return "unknown"
