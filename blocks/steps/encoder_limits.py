"""How many tokens text encoders read, and how many layers they have: asked before a run, where torch would say it in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ...families.contract import FamilyContract


def named_encoders(family: FamilyContract, encoders: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the text encoders that are there, with their names."""
    for part, encoder in zip(family.roles["text_encoders"], encoders, strict=True):
        if encoder is not None:
            yield part.name, encoder


def length_faults(
    family: FamilyContract, encoders: Sequence[Any], tokens: Sequence[int], made_by: Sequence[str]
) -> Iterator[str]:
    """Yield which encoders read fewer tokens than they would be given.

    Args:
        tokens, made_by: for each encoder, how many it would be given, and what says so.
    """
    names = [part.name for part in family.roles["text_encoders"]]
    lengths, makers = dict(zip(names, tokens, strict=True)), dict(zip(names, made_by, strict=True))
    for name, encoder in named_encoders(family, encoders):
        most = getattr(encoder.config, "max_position_embeddings", None)
        if isinstance(most, int) and lengths[name] > most:
            yield f"{makers[name]} makes texts of {lengths[name]} tokens, and {name} reads at most {most}"


def skip_faults(family: FamilyContract, encoders: Sequence[Any], clip_skip: int) -> Iterator[str]:
    """Yield which encoders have fewer layers than shall be skipped."""
    states = {
        part.name: each.hidden_state
        for part, each in zip(family.roles["text_encoders"], family.text_encodings, strict=True)
    }
    for name, encoder in named_encoders(family, encoders):
        layers = getattr(encoder.config, "num_hidden_layers", None)
        if not isinstance(layers, int):
            continue
        # The hidden states are those of the layers, and the embeddings before them.
        most = layers + 1 + states[name]
        if clip_skip > most:
            yield f"clip_skip is {clip_skip}; {name} has {layers} layers, of which it can skip at most {most}."
