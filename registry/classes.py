"""Which classes a repository may name, and finding them."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

from ..state import ComponentError, TrustError
from ..state.errors import did_you_mean

ALLOWED_LIBRARIES = frozenset({"diffusers", "transformers", "tokenizers", "brickwork"})
"""A repository's files name components as (library, class); other libraries are refused."""
_granted: set[str] = set()


def allow_library(name: str) -> None:
    """Let files name public classes of another library of yours, for this process.

    Raises:
        TrustError: it is no plain name of a library; a submodule is not granted by itself.
    """
    if not name.isidentifier():
        raise TrustError(f"{name!r} is no name of a library: grant the top level, as in allow_library('my_models').")
    _granted.add(name)


def allowed_libraries() -> frozenset[str]:
    """Libraries whose classes files may name."""
    return ALLOWED_LIBRARIES | _granted


def resolve_class(library: str, name: str) -> type[Any]:
    """Return the public class of an allowed library.

    Raises:
        TrustError: the library is not allowed. ComponentError: it has no such class.
    """
    if library not in allowed_libraries():
        raise TrustError(
            f"A component asks for the class {name!r} of {library!r}. Repositories may name classes of "
            f"{', '.join(sorted(allowed_libraries()))} only; grant it with brickwork.registry.allow_library({library!r})."
        )
    module = importlib.import_module(library)
    found = getattr(module, name, None) if name.isidentifier() and not name.startswith("_") else None
    if not isinstance(found, type):
        raise ComponentError(f"{library} has no class {name!r}. {did_you_mean(name, _names_of(library) - {name})}")
    return found


@cache
def _names_of(library: str) -> frozenset[str]:
    """Public names of a library; large ones take up to half a second to find them, and files can ask for many."""
    return frozenset(dir(importlib.import_module(library)))


def library_of(cls: type[Any]) -> str:
    """Return the library that a class belongs to, as repositories write it."""
    return cls.__module__.partition(".")[0]
