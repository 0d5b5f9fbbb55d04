"""Several models in one, such as MultiControlNetModel: diffusers keeps them in folders beside each other, `net`, `net_1`, `net_2`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

_KINDS = {
    "MultiControlNetModel": ("ControlNetModel", "nets"),
    "MultiControlNetUnionModel": ("ControlNetUnionModel", "nets"),
    "FluxMultiControlNetModel": ("FluxControlNetModel", "nets"),
    "SD3MultiControlNetModel": ("SD3ControlNetModel", "nets"),
    "MultiAdapter": ("T2IAdapter", "adapters"),
}
"""Class of diffusers to the class of its parts, and the list of them. Their own loaders take a path, and no subfolder."""


def part_class(cls: Any) -> Any:
    """Return the class of the models that a class holds several of; None for any other class."""
    if not isinstance(cls, type) or cls.__name__ not in _KINDS or not cls.__module__.startswith("diffusers."):
        return None
    import diffusers

    return getattr(diffusers, _KINDS[cls.__name__][0])


def several_of(cls: type) -> str | None:
    """Return the name of the class of diffusers that holds several models of a class; None if there is none."""
    return next((name for name, (part, _) in _KINDS.items() if part == cls.__name__), None)


def holds_several(library: str | None, class_name: str | None) -> bool:
    """Return whether a class, as files name it, holds several models."""
    return library == "diffusers" and class_name in _KINDS


def part_folders(several: bool, subfolder: str, exists: Callable[[str], bool]) -> list[str]:
    """Return the subfolders that a component's models are in: one, or as many as there are in a row.

    Args:
        several: whether its class holds several. exists: whether there is a subfolder of this name.
    """
    found = [subfolder]
    if several and subfolder:
        while exists(following := f"{subfolder}_{len(found)}"):
            found.append(following)
    return found


def parts_of(name: str, component: object) -> Iterator[tuple[str, Any]]:
    """Yield the models of a component, each with the name of its folder; of most components, the component itself."""
    if part_class(type(component)) is None:
        yield name, component
        return
    for number, part in enumerate(getattr(component, _KINDS[type(component).__name__][1])):
        yield f"{name}_{number}" if number else name, part
