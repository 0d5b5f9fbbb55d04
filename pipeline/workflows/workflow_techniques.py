"""Techniques in workflow files: a list at the component that has them, beside where it is from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...adapters.techniques import Technique, technique_of
from ...state import CompositionError
from ...state.value_data import value_of_data

if TYPE_CHECKING:
    from ..modular_pipeline import ModularPipeline

KEY = "techniques"


def want_techniques(pipe: ModularPipeline, name: str, written: object, known: Mapping[str, type[Technique]]) -> None:
    """Let a component that a file names have techniques once it is loaded.

    Args:
        written: names, and data with names and settings. known: classes of the caller's own by name.

    Raises:
        CompositionError: it is no list. InputError: there is no such technique, or it has no such settings.
    """
    if not isinstance(written, list):
        raise CompositionError(f"{name}: {KEY} is a list: [{{name: FreeU, s1: 0.9}}].")
    made = [technique_of(_values(each), known) for each in written]
    if made:
        pipe.apply(name, *made)


def _values(written: object) -> Any:
    if not isinstance(written, Mapping):
        return written
    return {name: value_of_data(value) for name, value in written.items()}


def with_techniques(entries: dict[str, Any], pipe: ModularPipeline) -> dict[str, Any]:
    """Return what a file says of components, with their techniques."""
    found = dict(entries)
    for name, techniques in pipe.techniques.items():
        entry = found.get(name, {})
        place = {"repo": entry} if isinstance(entry, str) else dict(entry or {})
        found[name] = {**place, KEY: [each.written if each.settings else each.written["name"] for each in techniques]}
    return found


def own_techniques(pipe: ModularPipeline) -> list[type[Technique]]:
    """Return the classes of a pipeline's techniques, for who opens what was written again."""
    return [type(each) for techniques in pipe.techniques.values() for each in techniques]


def reopened_technique_faults(pipe: ModularPipeline, again: ModularPipeline) -> Iterator[str]:
    """Say which techniques would be others in a pipeline that was opened again."""
    for name in dict.fromkeys([*pipe.techniques, *again.techniques]):
        one, other = (list(each.techniques.get(name, ())) for each in (pipe, again))
        if one != other:
            yield f"The techniques of {name} are {one}, and loaded again {other}."
