"""Which objects serve as a component, besides those of the class that a block names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

from ..registry.loading.several import parts_of
from .contract import FamilyContract

ALIKE = (
    frozenset(
        {
            # diffusers 0.42.1 has no class that all ControlNets share.
            "ControlNetModel", "ControlNetUnionModel", "ControlNetXSAdapter", "CosmosControlNetModel", "FluxControlNetModel",
            "FluxMultiControlNetModel", "HunyuanDiT2DControlNetModel", "HunyuanDiT2DMultiControlNetModel", "MultiControlNetModel",
            "MultiControlNetUnionModel", "QwenImageControlNetModel", "QwenImageMultiControlNetModel", "SD3ControlNetModel",
            "SD3MultiControlNetModel", "SanaControlNetModel", "SparseControlNetModel", "UNetControlNetXSModel",
            "ZImageControlNetModel",
        }
    ),
    frozenset(
        {
            # The mixin of all autoencoders but these.
            "AutoencoderMixin", "AutoencoderKLMiniMaxH3Audio", "AutoencoderSAME", "AutoencoderVidTok", "RFD4ProteinaAutoencoder",
        }
    ),
)  # fmt: skip
"""Names of classes that do the same work and derive from nothing of their own: where no family says what fits, each serves for
another of its group."""


@runtime_checkable
class _Solver(Protocol):
    """Schedulers are interchangeable, diffusers' and those that others write without its mixin."""

    def set_timesteps(self, *args: Any, **kwargs: Any) -> Any: ...


def serves(given: object, expected: type, component: str, families: Iterable[FamilyContract] = ()) -> bool:
    """Return whether an object serves as a component for which a block names a class.

    Args:
        families: those of the blocks; what they accept for the component's role counts, and `ALIKE` where they say nothing.
    """
    if isinstance(given, expected):
        return True
    families = list(families)
    parts = [part for _, part in parts_of(component, given)]
    if any(part is not given for part in parts):
        return all(serves(part, expected, component, families) for part in parts)
    return (isinstance(given, _Solver) and issubclass(expected, _Solver)) or _is_alike(
        type(given), expected, component, families
    )


def class_serves(given: type, expected: type, component: str, families: Iterable[FamilyContract] = ()) -> bool:
    """Return whether objects of a class, which are not there yet, can serve as a component; of what loads any class, nothing is said."""
    is_solver = issubclass(given, _Solver) and issubclass(expected, _Solver)
    loads_any = re.match("Auto[A-Z]", given.__name__) is not None  # AutoModel, AutoTokenizer
    return issubclass(given, expected) or is_solver or loads_any or _is_alike(given, expected, component, families)


def _is_alike(given: type, expected: type, component: str, families: Iterable[FamilyContract]) -> bool:
    groups = accepted(component, families) or ALIKE
    return any(group & _names(expected) and group & _names(given) for group in groups)


def accepted(component: str, families: Iterable[FamilyContract]) -> tuple[frozenset[str], ...]:
    """Return what families accept for the roles that a component plays: names of classes, a group for each role."""
    return tuple(
        frozenset(family.accepts[role])
        for family in families
        for role, parts in family.roles.items()
        if role in family.accepts and any(part.name == component for part in parts)
    )


def _names(cls: type) -> set[str]:
    return {each.__name__ for each in cls.__mro__}
