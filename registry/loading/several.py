"""Several models in one, such as MultiControlNetModel: diffusers keeps them in folders beside each other, `net`, `net_1`, `net_2`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

_ADAPTERS = ("MultiAdapter", "T2IAdapter")
_NETS = re.compile(r"(\w*)Multi(ControlNet\w*)")
"""ControlNets of each family are held by a class of their own, which has the name of theirs with "Multi" in it."""


def _part_name(name: str) -> str | None:
    """Return the name of the class of which a class of diffusers holds several. Their own loaders take a path, and no subfolder."""
    if name == _ADAPTERS[0]:
        return _ADAPTERS[1]
    found = _NETS.fullmatch(name)
    return found and "".join(found.groups())


def part_class(cls: Any) -> Any:
    """Return the class of the models that a class holds several of; None for any other class."""
    if not isinstance(cls, type) or not cls.__module__.startswith("diffusers."):
        return None
    part = _part_name(cls.__name__)
    if part is None:
        return None
    import diffusers

    return getattr(diffusers, part)


def several_of(cls: type) -> str | None:
    """Return the name of the class of diffusers that holds several models of a class; None if there is none."""
    if cls.__name__ == _ADAPTERS[1]:
        return _ADAPTERS[0]
    before, found, rest = cls.__name__.partition("ControlNet")
    name = f"{before}Multi{found}{rest}"
    import diffusers

    # Some lie deeper than the package itself.
    return name if found and (hasattr(diffusers, name) or name in _DEEPER) else None


_DEEPER = ("MultiControlNetUnionModel",)


def holds_several(library: str | None, class_name: str | None) -> bool:
    """Return whether a class, as files name it, holds several models."""
    return library == "diffusers" and class_name is not None and _part_name(class_name) is not None


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
    several: Any = component
    parts = several.adapters if type(component).__name__ == _ADAPTERS[0] else several.nets
    for number, part in enumerate(parts):
        yield f"{name}_{number}" if number else name, part
