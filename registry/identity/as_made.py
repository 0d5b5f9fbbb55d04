"""What lies on a network that nobody has declared: compared with how it was made, and with what was declared since.

Techniques, LoRAs and IP-Adapters say when they change a network. Whatever else differs is an unknown change: a technique that a person has switched
on by a method of diffusers, a hook, another processor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...state.errors import NoDigestError
from ..compilation import uncompiled
from ..notes import notes_of, put_note
from .component_identity import Identity
from .component_record import AS_MADE, settings_of
from .model_words import attributes_in_words, words_of

if TYPE_CHECKING:
    import torch

_COUNTS_OF = "attention processors"
"""Words in which every network says something, and not what was switched on."""


@frozen
class AsMade:
    """Settings by attribute, and in words, of which it is known why they are so."""

    settings: Mapping[str, str]
    words: Mapping[str, str]


def as_made(component: Any) -> Any:
    """Return a component, and note of a network that it is as it was made, unless something is noted already."""
    network = uncompiled(component)
    if hasattr(network, "named_parameters") and AS_MADE not in notes_of(network) and (now := _now(network)) is not None:
        put_note(network, AS_MADE, now)
    return component


def was_told(component: object) -> bool:
    """Return whether it was known what a component is when it was made."""
    return AS_MADE in notes_of(uncompiled(component))


@contextmanager
def declared_change(*networks: object) -> Iterator[None]:
    """Change networks, and let what is changed until the end of the `with` be known; what was unknown before stays so."""
    held = [(network, noted, before) for network, noted, before in map(_look, networks) if None not in (noted, before)]
    try:
        yield
    finally:
        for network, noted, before in held:
            now = _now(network)
            if now is not None:
                put_note(
                    network, AS_MADE, AsMade(*(_merged(noted, before, now, name) for name in ("settings", "words")))
                )


def unknown_changes(component: object, found: Identity) -> tuple[str, ...]:
    """Return what lies on a network and was not declared, in words; by attribute where there are no words.

    Args:
        found: what it is now.
    """
    noted: AsMade | None = notes_of(uncompiled(component)).get(AS_MADE)
    if noted is None:
        return ()
    settings = _differing(noted.settings, found.settings)
    words = [name for name in _differing(noted.words, found.words) if name != _COUNTS_OF]
    said = {each for name in words for each in attributes_in_words(name)}
    return (
        *(f"{name} {found.words[name]}" if name in found.words else f"no {name}" for name in words),
        *(f"another {name}" for name in settings if name not in said),
    )


def _look(component: object) -> tuple[Any, Any, Any]:
    network = uncompiled(component)
    noted = notes_of(network).get(AS_MADE)
    return network, noted, None if noted is None else _now(network)


def _now(network: torch.nn.Module) -> AsMade | None:
    try:
        return AsMade(settings_of(network), words_of(network))
    except NoDigestError:
        # Nothing tells what it is: recipes say so by themselves.
        return None


def _merged(noted: AsMade, before: AsMade, now: AsMade, name: str) -> dict[str, str]:
    """Return what is declared now: what there is, but for what was unknown before."""
    known, was, found = (getattr(each, name) for each in (noted, before, now))
    merged = dict(found)
    for each in _differing(known, was):
        merged.pop(each, None)
        if each in known:
            merged[each] = known[each]
    return merged


def _differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    return [name for name in dict.fromkeys([*one, *other]) if one.get(name) != other.get(name)]
