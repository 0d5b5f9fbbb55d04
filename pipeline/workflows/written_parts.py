"""What a workflow file says of schedulers, components made of a configuration, and outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...blocks.core.flattening import walk
from ...registry import ComponentSpec
from ...registry.loading.classes import resolve_class
from ...state import CompositionError
from ...state.errors import did_you_mean
from ...state.value_data import value_of_data
from ..schedulers_by_name import class_of_name

if TYPE_CHECKING:
    from ..modular_pipeline import ModularPipeline


def scheduler_of(data: object) -> Any:
    """Return a scheduler's name and settings as values."""
    if isinstance(data, Mapping):
        return {name: value_of_data(value) for name, value in data.items()}
    if not isinstance(data, str):
        raise CompositionError("a scheduler is a name, or 'name' with settings.")
    return data


def look_at_scheduler(data: object) -> None:
    """Look only at the name of a scheduler.

    Raises:
        ComponentError: there is none of this name.
    """
    given = scheduler_of(data)
    name = given.get("name") if isinstance(given, Mapping) else given
    if isinstance(name, str):
        class_of_name(name)


def component_of_config(name: str, given: Mapping[str, Any]) -> Any:
    """Return a component that is made from a configuration, of a class of an allowed library."""
    library, _, class_name = str(given["class"]).partition(":")
    config = value_of_data(given["config"])
    if not isinstance(config, dict):
        raise CompositionError(f"the config of {name} must be a mapping.")
    return ComponentSpec(
        name, resolve_class(library, class_name), config=config, default_creation_method="from_config"
    ).create()


def output_faults(pipe: ModularPipeline) -> Iterator[tuple[int, str]]:
    """Say which of a pipeline's outputs no block writes, with their places in the list."""
    known = known_outputs(pipe)
    for number, name in enumerate(pipe.outputs):
        if name not in known:
            yield number, f"{name!r} is no output of this workflow. {did_you_mean(name, known)}"
        elif name in pipe.outputs[:number]:
            yield number, f"{name!r} is named twice."


def known_outputs(pipe: ModularPipeline) -> list[str]:
    """Return the names of all values that blocks of a pipeline write."""
    return sorted({str(out.name) for _, block in walk(pipe.blocks) for out in block.intermediate_outputs})
