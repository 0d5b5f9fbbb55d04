"""From text to token ids."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

from ..state.user_warnings import caller_level

if TYPE_CHECKING:
    from torch import Tensor

    from .roles import Tokenizer
    from .text_encoding import TextEncoding

logger = logging.getLogger(__name__)

_TOKENIZING = threading.Lock()
"""A tokenizer keeps the padding of its last call as its own state, so two threads must not call it at once."""


@frozen(eq=False)
class Tokens:
    """What a tokenizer makes of texts that are padded and cut.

    Attributes:
        ids, mask: `[b, tokens]`. texts: that were given. length: how many tokens there are at most. lost: what was cut off, of each
            text that is longer.
    """

    ids: Tensor
    mask: Tensor
    texts: tuple[str, ...]
    length: int
    lost: tuple[str, ...] = ()


def tokenized(
    tokenizer: Tokenizer,
    texts: list[str],
    tokens: int | None = None,
    padding: Literal["max_length", "longest"] = "max_length",
    side: Literal["", "left", "right"] = "",
    multiple: int = 0,
    ends: bool = False,
) -> Tokens:
    """Return the tokens of texts, and what of these is cut off; `warn_of_cuts` says it.

    Args:
        tokens: how many there are at most; the tokenizer's own length where None. padding: to this length, or to that of the
            longest text. side: of the padding; the tokenizer's own where "". multiple: padded further, to a multiple of so many; 0 is none.
            ends: the token of the end is the padding, of tokenizers of language models that have none.
    """
    length = tokens or tokenizer.model_max_length
    written = [with_all_vectors(tokenizer, text) for text in texts]
    aside, behind = ({"padding_side": each} if side else {} for each in (side, "right"))
    with _TOKENIZING, _padding(tokenizer, ends):
        cut = tokenizer(written, padding=padding, max_length=length, truncation=True, return_tensors="pt", **aside)
        # Without a limit, to say which words are lost. transformers would log that the model fails at so many tokens, and none are given it.
        whole = tokenizer(written, padding="longest", return_tensors="pt", verbose=False, **behind).input_ids
    lost: list[str] = []
    if whole.shape[-1] > length:
        # The last place that is kept is of the end token.
        lost = [text for text in tokenizer.batch_decode(whole[:, length - 1 : -1], skip_special_tokens=True) if text]
    ids, mask = cut.input_ids, cut.attention_mask
    if multiple:
        # Not by the tokenizer, which wants the length that it cuts to to be such a multiple, too.
        import torch

        missing = -ids.shape[-1] % multiple
        known: Any = tokenizer
        place = (missing, 0) if (side or known.padding_side) == "left" else (0, missing)
        padded = torch.nn.functional.pad
        ids, mask = padded(ids, place, value=known.pad_token_id), padded(mask, place)
    return Tokens(ids, mask, tuple(texts), length, tuple(dict.fromkeys(lost)))


@contextmanager
def _padding(tokenizer: Any, ends: bool) -> Iterator[None]:
    """Let padding be the token of the end for a time."""
    own = tokenizer.pad_token if ends else None
    if ends:
        tokenizer.pad_token = tokenizer.eos_token
    try:
        yield
    finally:
        if ends:
            tokenizer.pad_token = own


def tokens_read(tokenizer: Tokenizer, texts: list[str], encoding: TextEncoding) -> Tokens:
    """Return the tokens that a text encoder reads of texts, those of an instruction before them among these."""
    length, padding = encoding.length
    if encoding.clean is not None:
        texts = [encoding.clean(text) for text in texts]
    if encoding.chat is not None:
        options = {"tokenize": False, **encoding.chat_options}
        texts = [tokenizer.apply_chat_template(encoding.chat(text), **options) for text in texts]
    if encoding.instruction:
        texts = [encoding.instruction + text for text in texts]
        if encoding.hides_instruction:
            # Without the mark at its beginning, which is handed on, and the end that it does not have, as its repository counts.
            hidden = len(plain_ids(tokenizer, encoding.instruction)) - 2
            length = (length or tokenizer.model_max_length) + hidden
    return tokenized(
        tokenizer, texts, length, padding, encoding.padding_side, encoding.multiple, encoding.pads_with_end
    )


def warn_of_cuts(read: Mapping[str, Tokens], what: str) -> None:
    """Log what text encoders do not read of their texts: each cut once, with all that make it, and who reads the whole.

    The classic pipelines log it for each encoder, and count what a T5 loses from the CLIPs' 77th token on.

    Args:
        read: the tokens of each text encoder, by its name. what: "prompt", or what else the texts are.
    """
    cuts: dict[tuple[int, tuple[str, ...]], list[str]] = {}
    for name, tokens in read.items():
        if tokens.lost:
            cuts.setdefault((tokens.length, tokens.lost), []).append(name)
    for (length, lost), names in cuts.items():
        texts = read[names[0]].texts
        whole = [name for name, tokens in read.items() if tokens.texts == texts and not tokens.lost]
        logger.warning(
            "%s %d tokens; this part of the %s was cut off: %s%s",
            _reading(names),
            length,
            what,
            list(lost),
            f". {_reading(whole)} all of it" if whole else "",
            stacklevel=caller_level(),
        )


def _reading(names: Sequence[str]) -> str:
    return f"{' and '.join(names)} read{'s' if len(names) == 1 else ''}"


def plain_ids(tokenizer: Tokenizer, text: str, special: bool = True) -> list[int]:
    """Return the ids of one text as it is, with or without the tokens that begin and end it."""
    with _TOKENIZING:
        found = tokenizer(with_all_vectors(tokenizer, text), padding=False, add_special_tokens=special, verbose=False)
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
