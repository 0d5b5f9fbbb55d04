"""How weights of words change what a text encoder says, as the projects of the dialects do it.

"a1111": hidden states are multiplied, and brought back to their mean (`EmphasisOriginal` of modules/sd_emphasis.py; here the mean of
each text by itself, so that it is in a batch what it is alone). "comfyui": they go away from those of the empty text, or towards
them (`encode_token_weights` of comfy/sd1_clip.py). "compel": that, and what counts less is also hidden from the encoder
(`get_embeddings_for_weighted_prompt_fragments` of embeddings_provider.py, `DownweightMode.MASK`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..state import InputError
from .prompt_chunks import Token
from .prompt_syntax import Reading

if TYPE_CHECKING:
    from torch import Tensor

_LEAST = 1e-5
"""As in compel: a weight of 0 would hide the piece infinitely more than the rest is seen."""
_NO_MEAN = 1e-5
"""A mean so small beside the mean size of the numbers is rounding."""


def times_weights(hidden: Tensor, weights: Tensor) -> Tensor:
    """Multiply hidden states `[b, tokens, width]` by weights `[b, tokens]`, and restore the mean of each row.

    Raises:
        InputError: the mean is nothing but rounding.
    """
    import torch

    # By way of float32: in half precision a ratio of means has three digits.
    before = hidden.float()
    after = before * weights[..., None].to(before)
    mean, new_mean = (each.mean(dim=(1, 2), keepdim=True) for each in (before, after))
    if bool((new_mean.abs() <= _NO_MEAN * after.abs().mean(dim=(1, 2), keepdim=True)).any()):
        raise InputError(
            "The hidden states of the text encoder have a mean of nothing, which weights of 'a1111' restore by division. Set "
            "prompt_syntax='comfyui'."
        )
    weighed = (after * (mean / new_mean)).to(hidden.dtype)
    untouched = (weights == 1).all(dim=1).to(hidden.device)
    return torch.where(untouched[:, None, None], hidden, weighed)


def away_from_empty(hidden: Tensor, weights: Tensor, empty: Tensor) -> Tensor:
    """Return hidden states that are as many times away from those of the empty text, `[1, tokens, width]`, as weights `[b, tokens]` say."""
    import torch

    factors = weights[..., None].to(hidden)
    return torch.where(factors == 1, hidden, empty + (hidden - empty) * factors)


def hidden_share(weight: float) -> float:
    """How much what is said without a piece counts beside what is said with it, for a weight below 1: as much at 0.5."""
    return math.tan((1 - max(weight, _LEAST)) * math.pi / 2)


def shares_of(reading: Reading) -> dict[int, float]:
    """Return the shares of the pieces of a prompt that count less than 1, by their numbers."""
    spans = [span for part in reading.parts for span in part]
    return {number: hidden_share(span.weight) for number, span in enumerate(spans) if span.weight < 1}


def mixed(base: Tensor, without: Sequence[tuple[float, Tensor]], total: float) -> Tensor:
    """Mix what is said of a chunk with what is said where pieces are hidden, `[1, tokens, width]` each.

    Args:
        without: share and hidden states for each piece in the chunk. total: all shares of the prompt, without the 1 of the base; a
            piece that is elsewhere leaves this chunk as it is.
    """
    shares = [share for share, _ in without]
    found = base * ((1 + total - sum(shares)) / (1 + total))
    for share, said in without:
        found = found + said * (share / (1 + total))
    return found


def places_of(chunk: Sequence[Token], span: int, offset: int) -> list[int]:
    """Return the columns of the tokens of a piece in a chunk that begins with so many marks."""
    return [offset + place for place, token in enumerate(chunk) if token.span == span]
