"""Where a component comes from: one note, with one reader and one writer.

The note lies on the component itself where it can (`notes.py`): `copy.copy`, `copy.deepcopy`, pickling and `torch.compile` make
other objects, which are from where the first one is, and a table that knows objects by their identity knows nothing of them.
"""

from __future__ import annotations

import contextlib
from typing import Any

from attrs import evolve, frozen

from .notes import notes_of, put_note, writes_attributes

_NOTE = "_brickwork_provenance"
_LOAD_ID = "_diffusers_load_id"
"""The attribute in which diffusers writes an origin, and looks for one: what it has loaded is known to us, and the other way round."""


@frozen
class Provenance:
    """Where a component comes from. Text and numbers only: it holds no component.

    Attributes:
        load_id: as `ComponentSpec.load_id`; "null" for what was made of a configuration, None where nobody has said it.
        repo: that it was loaded from, as it was named. commit: of it, on the Hub.
        files: what tells its files apart from others of the same name; empty for none.
        stamps: of its tensors when it was loaded, by which `identity/origin.py` sees whether they still are those; None for what
            was not loaded by a spec, or has none.
        weights: paths of safetensors files that had its tensors under the names that it has itself.
    """

    load_id: str | None = None
    repo: str | None = None
    commit: str | None = None
    files: str = ""
    stamps: tuple[int, ...] | None = None
    weights: tuple[str, ...] = ()


_UNKNOWN = Provenance()


def provenance_of(component: object) -> Provenance:
    """Return where a component is from, as far as that was noted."""
    beside = notes_of(component) if writes_attributes(component) else None
    noted: Provenance = getattr(component, _NOTE, _UNKNOWN) if beside is None else beside.get(_NOTE, _UNKNOWN)
    load_id = getattr(component, _LOAD_ID, None)
    if noted.load_id == load_id:
        return noted
    # A recipe asks at every run, and `evolve` takes 1.8 us where this takes 0.7.
    return Provenance(load_id, noted.repo, noted.commit, noted.files, noted.stamps, noted.weights)


def note_provenance(component: object, **known: Any) -> None:
    """Note where a component is from, besides what is noted already; `known` are fields of `Provenance`.

    Objects with slots carry no notes: of them nothing is known, as if somebody had made them by hand.
    """
    noted = evolve(provenance_of(component), **known)
    with contextlib.suppress(AttributeError):
        if evolve(noted, load_id=None) != _UNKNOWN:
            put_note(component, _NOTE, noted)
        if noted.load_id is not None:
            # Also on what writes it into its files: diffusers' own blocks take no component without.
            object.__setattr__(component, _LOAD_ID, noted.load_id)


def commit_of(component: object, repo: str | None) -> str | None:
    """Return the commit of a Hub repository that a component was loaded from; None if it came from elsewhere."""
    found = provenance_of(component)
    return found.commit if found.repo == repo else None
