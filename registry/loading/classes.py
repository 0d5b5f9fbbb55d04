"""Which classes a repository may name, and finding them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from typing import Any

from ...state import ComponentError, TrustError
from ...state.errors import did_you_mean

ALLOWED_LIBRARIES = frozenset({"diffusers", "transformers", "tokenizers", "brickwork"})
"""A repository's files name components as (library, class); other libraries are refused."""
_granted: set[str] = set()
_KINDS: Mapping[str, frozenset[str]] = {
    "diffusers": frozenset({"ConfigMixin", "ModelMixin", "SchedulerMixin"}),
    "transformers": frozenset(
        [
            "PreTrainedModel",
            "PreTrainedTokenizerBase",
            "ProcessorMixin",
            "ImageProcessingMixin",
            "FeatureExtractionMixin",
            "_BaseAutoModelClass",
            "AutoTokenizer",
            "AutoProcessor",
            "AutoImageProcessor",
            "AutoFeatureExtractor",
            "AutoVideoProcessor",
        ]
    ),
    "brickwork": frozenset({"Guider"}),
}
"""By library, the bases of what a component can be: models, schedulers, tokenizers, processors, guiders. Other public classes make
connections, read indexes or unpickle when they are made or loaded."""
_WHOLE = frozenset({"DiffusionPipeline", "ModularPipeline", "ModularPipelineBlocks"})


def allow_library(name: str) -> None:
    """Let files name public classes of another library of yours, for this process.

    Raises:
        TrustError: it is no plain name of a library; a submodule is not granted by itself.
    """
    if not name.isidentifier():
        raise TrustError(f"{name!r} is no name of a library: grant the top level, as in allow_library('my_models').")
    _granted.add(name)


def allowed_libraries() -> frozenset[str]:
    """Return libraries whose classes files may name."""
    return ALLOWED_LIBRARIES | _granted


def resolve_class(library: str, name: str) -> type[Any]:
    """Return the public class of an allowed library.

    Raises:
        TrustError: the library is not allowed, or the class is of no kind that a component can be. ComponentError: there is no such
            class, or it needs a package that is not installed.
    """
    if library not in allowed_libraries():
        raise TrustError(
            f"A component asks for the class {name!r} of {library!r}. Repositories may name classes of "
            f"{', '.join(sorted(allowed_libraries()))} only; grant it with brickwork.registry.allow_library({library!r})."
        )
    module = importlib.import_module(library)
    # Public names of the top level only: a path through submodules reaches everything that a library has imported.
    found = getattr(module, name, None) if name.isidentifier() and not name.startswith("_") else None
    if not isinstance(found, type):
        raise ComponentError(f"{library} has no class {name!r}. {did_you_mean(name, _names_of(library) - {name})}")
    _refuse_no_component(library, found)
    return found


def refuse_pipelines(cls: Any) -> None:
    """Refuse whole pipelines and blocks as components: their loaders load by themselves whatever their files name.

    Raises:
        TrustError: it is one.
    """
    # By name: importing every base only to compare with it takes seconds.
    bases = {base.__name__ for base in cls.__mro__} if isinstance(cls, type) else set()
    if bases & _WHOLE or any(name.startswith("AutoPipeline") for name in bases):
        raise TrustError(
            f"{cls.__name__} is no component, but a whole pipeline or its blocks, which would load what its files name, pickles "
            "among them. Name its components, or open it as a repository."
        )


def _refuse_no_component(library: str, cls: type[Any]) -> None:
    # diffusers and transformers put placeholders where a package is missing, which raise at any use.
    if ".dummy_" in cls.__module__ or cls.__module__.endswith(".import_utils"):
        needed = ", ".join(getattr(cls, "_backends", ()))
        raise ComponentError(f"{library}'s {cls.__name__} needs a package that is not installed ({needed}).")
    refuse_pipelines(cls)
    bases = {base.__name__ for base in cls.__mro__}
    if library not in _granted and not bases & _KINDS.get(library, frozenset()):
        raise TrustError(
            f"{library}'s {cls.__name__} is no component: those are models, schedulers, tokenizers, processors and guiders."
        )


@cache
def _names_of(library: str) -> frozenset[str]:
    """Return public names of a library; large ones take up to half a second to find them, and files can ask for
    many.
    """
    return frozenset(dir(importlib.import_module(library)))


def library_of(cls: type[Any]) -> str:
    """Return the library that a class belongs to, as repositories write it."""
    return cls.__module__.partition(".")[0]
