"""From text to token ids."""

from __future__ import annotations

import logging
import re
import threading
from typing import TYPE_CHECKING, Any, Literal

from ..state.user_warnings import caller_level

if TYPE_CHECKING:
    from .roles import Tokenizer

logger = logging.getLogger(__name__)

_TOKENIZING = threading.Lock()
"""A tokenizer keeps the padding of its last call as its own state, so two threads must not call it at once."""


def tokenized(
    tokenizer: Tokenizer,
    texts: list[str],
    tokens: int | None = None,
    padding: Literal["max_length", "longest"] = "max_length",
) -> Any:
    """Return what a tokenizer makes of texts that are padded and cut: `input_ids` and `attention_mask`, each `[b, tokens]`; a
    cut is logged with the words that are lost.

    Args:
        tokens: how many there are at most; the tokenizer's own length where None. padding: to this length, or to that of the
            longest text.
    """
    length = tokens or tokenizer.model_max_length
    texts = [with_all_vectors(tokenizer, text) for text in texts]
    with _TOKENIZING:
        cut = tokenizer(texts, padding=padding, max_length=length, truncation=True, return_tensors="pt")
        # Without a limit, to say which words are lost.
        whole = tokenizer(texts, padding="longest", return_tensors="pt").input_ids
    if whole.shape[-1] > length:
        # The last place that is kept is of the end token.
        lost = [text for text in tokenizer.batch_decode(whole[:, length - 1 : -1], skip_special_tokens=True) if text]
        logger.warning(
            "The text encoder reads %d tokens; this part of the prompt was cut off: %s",
            length,
            lost,
            stacklevel=caller_level(),
        )
    return cut


def plain_ids(tokenizer: Tokenizer, text: str, special: bool = True) -> list[int]:
    """Return the ids of one text as it is, with or without the tokens that begin and end it."""
    with _TOKENIZING:
        found = tokenizer(with_all_vectors(tokenizer, text), padding=False, add_special_tokens=special)
    return list(found.input_ids)


def with_all_vectors(tokenizer: Tokenizer, text: str) -> str:
    """Write out words that a tokenizer was taught with several vectors: "<cat>" becomes "<cat> <cat>_1 <cat>_2".

    diffusers replaces by text alone, so that a word inside of another one is broken up; here only whole words are.
    """
    added = tokenizer.added_tokens_encoder
    several = [token for token in added if f"{token}_1" in added]
    if not several:
        return text
    written = {token: [token] for token in several}
    for token, parts in written.items():
        while f"{token}_{len(parts)}" in added:
            parts.append(f"{token}_{len(parts)}")
    # The longest first: "<cat>_1" would else be found as "<cat>" and a rest.
    names = sorted({*written, *(part for parts in written.values() for part in parts)}, key=len, reverse=True)
    return re.sub(
        "|".join(map(re.escape, names)), lambda found: " ".join(written.get(found.group(), [found.group()])), text
    )
