"""Which classes a repository may name, and finding them."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ...state import ComponentError, TrustError
from ...state.errors import did_you_mean
from .needed_packages import install_line, is_installed

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
    if not isinstance(name, str) or not name.isidentifier():
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
    if library not in allowed_libraries() and _is_folder_of_pipelines(library):
        return _class_of_pipelines(library, name)
    if library not in allowed_libraries():
        raise TrustError(
            f"A component asks for the class {name!r} of {library!r}. Repositories may name classes of "
            f"{', '.join(sorted(allowed_libraries()))} only; grant it with brickwork.registry.allow_library({library!r})."
        )
    module = _imported(library)
    # Public names of the top level only: a path through submodules reaches everything that a library has imported.
    found = _public(module, name)
    if found is None:
        raise ComponentError(f"{library} has no class {name!r}. {did_you_mean(name, _names_of(library) - {name})}")
    _refuse_placeholder(library, found)
    if library not in _granted:
        _refuse_no_component(library, found, _KINDS.get(library, frozenset()))
    else:
        refuse_pipelines(found)
    return found


_PIPELINES = "diffusers.pipelines"


def _is_folder_of_pipelines(name: str) -> bool:
    """Return whether diffusers takes a library's name for a folder of its pipelines, as in ["stable_audio", "..."] of old indexes."""
    found = importlib.util.find_spec(_PIPELINES) if name.isidentifier() else None
    if found is None or found.origin is None:
        return False
    # By `os`, which says of a name that the system does not take that it is not there.
    return os.path.isfile(Path(found.origin).parent / name / "__init__.py")  # noqa: PTH113


def _class_of_pipelines(folder: str, name: str) -> type[Any]:
    """Return the class of a component that a folder of diffusers' pipelines defines.

    Raises:
        ComponentError: it has no such class. TrustError: the class is no component, or comes from elsewhere.
    """
    place = f"{_PIPELINES}.{folder}"
    found = _public(importlib.import_module(place), name)
    if found is None:
        raise ComponentError(f"{place} has no class {name!r}. {did_you_mean(name, _names_of(place) - {name})}")
    _refuse_placeholder(place, found)
    # What the folder has imported from elsewhere is not named through it.
    if not found.__module__.startswith(f"{place}."):
        raise TrustError(f"{name!r} is not of {place}, but of {found.__module__}; files name it there.")
    _refuse_no_component(place, found, _KINDS["diffusers"] | _KINDS["transformers"])
    return found


def _imported(library: str) -> Any:
    try:
        return importlib.import_module(library)
    except ModuleNotFoundError as error:
        if error.name != library:
            raise
        raise ComponentError(f"The library {library!r} is not installed here, so it has no classes.") from None


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


def _public(module: Any, name: str) -> type[Any] | None:
    found = getattr(module, name, None) if name.isidentifier() and not name.startswith("_") else None
    return found if isinstance(found, type) else None


def _refuse_placeholder(library: str, cls: type[Any]) -> None:
    # diffusers and transformers put placeholders where a package is missing, which raise at any use.
    needed = getattr(cls, "_backends", ())
    if needed and (".dummy_" in cls.__module__ or cls.__module__.endswith(".import_utils")):
        missing = [name for name in needed if not is_installed(name)] or needed
        raise ComponentError(
            f"{library}'s {cls.__name__} needs a package that is not installed: {install_line(missing)}"
        )


def _refuse_no_component(library: str, cls: type[Any], bases: frozenset[str]) -> None:
    refuse_pipelines(cls)
    if not {base.__name__ for base in cls.__mro__} & bases:
        raise TrustError(
            f"{library}'s {cls.__name__} is no component: those are models, schedulers, tokenizers, processors and guiders."
        )


@cache
def _names_of(library: str) -> frozenset[str]:
    """Return names of public classes of a library; large ones take up to half a second to find them, and files can ask for many."""
    # By their first letter: to look at each would import the whole library.
    return frozenset(name for name in dir(importlib.import_module(library)) if name[:1].isupper())


def library_of(cls: type[Any]) -> str:
    """Return the library that a class belongs to, as repositories write it."""
    library, *inside = cls.__module__.split(".")
    if [library, *inside[:1]] == _PIPELINES.split(".") and len(inside) > 2:
        # As diffusers writes classes of its pipelines that it does not show at its top level.
        return library if _public(importlib.import_module(library), cls.__name__) is cls else inside[1]
    return library
