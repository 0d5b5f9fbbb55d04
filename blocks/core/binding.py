"""Classes of blocks for a model family."""

from __future__ import annotations

from typing import Any

from ...families.contract import FamilyContract


def bound_class(cls: type[Any], family: FamilyContract) -> type[Any]:
    """Subclass a block for a family, once per pair: the same class comes back for the same arguments."""
    # In the class's own dict: a subclass that inherited the table would get its parent's bound classes.
    cache: dict[Any, type[Any]] = cls.__dict__.get("__brickwork_bound__") or {}
    # By identity, which is safe because the bound class holds the family.
    if id(family) not in cache:
        namespace = {
            "bound_from": cls,
            "family": family,
            "model_name": family.name,
            "__module__": cls.__module__,
            "__doc__": cls.__doc__,
        }
        inner = getattr(cls, "block_classes", None)
        if inner:
            namespace["block_classes"] = [part.bind(family) for part in inner]
        cache[id(family)] = type(f"{family.prefix}{cls.__name__}", (cls,), namespace)
        cls.__brickwork_bound__ = cache
    return cache[id(family)]
