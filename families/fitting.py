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
    if is_factory(expected):
        return _may_come_from(given, expected)
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
    loads_any = re.match("Auto[A-Z]", given.__name__) is not None or is_factory(expected)  # AutoModel, AutoTokenizer
    return issubclass(given, expected) or is_solver or loads_any or _is_alike(given, expected, component, families)


def _is_alike(given: type, expected: type, component: str, families: Iterable[FamilyContract]) -> bool:
    named = accepted(component, families)
    if not _is_played(component, families) and _are_siblings(given, expected):
        return True
    return any(group & _names(expected) and group & _names(given) for group in named or ALIKE)


def is_factory(cls: type) -> bool:
    """Return whether a class is there to make objects of other classes, as `AutoTokenizer` and `AutoModel`: nothing is an instance of it."""
    names = _names(cls)
    return "_BaseAutoModelClass" in names or cls.__name__ in (*_MAKE_MODELS, *_MAKE_OTHERS)


_MAKE_MODELS = ("AutoModel",)
_MAKE_OTHERS = ("AutoTokenizer", "AutoProcessor", "AutoImageProcessor", "AutoFeatureExtractor", "AutoVideoProcessor")


def _may_come_from(given: object, factory: type) -> bool:
    """Return whether a factory may have made an object: a model by one of models, something that is called by the others."""
    is_model = hasattr(given, "parameters")
    return not is_model and callable(given) if factory.__name__ in _MAKE_OTHERS else is_model


def _is_played(component: str, families: Iterable[FamilyContract]) -> bool:
    """Return whether a family has a role for a component; then its word counts on what fits."""
    return any(part.name == component for family in families for parts in family.roles.values() for part in parts)


_PACKAGES_ALIKE = (frozenset({"t5", "mt5", "umt5"}),)
"""Packages of transformers whose text encoders do the same work."""


def _are_siblings(one: type, other: type) -> bool:
    """Return whether two classes are models of one architecture in transformers, with other heads or in another edition."""
    packages = [
        cls.__module__.split(".")[2] for cls in (one, other) if cls.__module__.startswith("transformers.models.")
    ]
    are_models = all("PreTrainedModel" in _names(cls) for cls in (one, other))
    return (
        len(packages) == 2 and are_models and any(set(packages) <= group for group in ({packages[0]}, *_PACKAGES_ALIKE))
    )


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
