"""What is noted of a component by whoever changed it: the words that it was taught, and the run that trained it."""

from __future__ import annotations

from collections.abc import Sequence

from ..notes import notes_of, put_note
from .model_words import TOKENS

TRAINED = "_brickwork_trained"


def remember_tokens(component: object, tokens: Sequence[str]) -> None:
    """Note the words that a text encoder was taught (textual inversion)."""
    object.__setattr__(component, TOKENS, tuple(tokens))


def note_training(component: object, weights: str | None, recipe: str) -> None:
    """Note the digest of the recipe of a run that has trained a component, and what its weights are since."""
    put_note(component, TRAINED, (weights, recipe))


def trained_words(component: object, weights: str) -> dict[str, str]:
    """Return by which run a component was trained, as long as its weights are those that came out."""
    known = notes_of(component).get(TRAINED)
    return {"trained": f"by the recipe {known[1]}"} if known is not None and known[0] == weights else {}
