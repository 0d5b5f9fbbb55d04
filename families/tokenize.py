"""From text to token ids."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from attrs import evolve, frozen

from ..state.user_warnings import caller_level

if TYPE_CHECKING:
    from torch import Tensor

    from .roles import Tokenizer
    from .text_encoding import TextEncoding

logger = logging.getLogger(__name__)

TOKENIZING = threading.RLock()
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
    special: bool = True,
    side: Literal["", "left", "right"] = "",
    ends: bool = False,
) -> Tokens:
    """Return the tokens of texts, and what of these is cut off; `warn_of_cuts` says it.

    Args:
        tokens: how many there are at most; the tokenizer's own length where None. padding: to this length, or to that of the
            longest text. special: tokens that begin and end a text are added. side: of the padding; the tokenizer's own where "".
            ends: the token of the end is the padding, of tokenizers of language models that have none.
    """
    length = tokens or tokenizer.model_max_length
    written = [with_all_vectors(tokenizer, text) for text in texts]
    aside = {"padding_side": side} if side else {}
    with TOKENIZING, _padding(tokenizer, ends), _rules_kept(tokenizer):
        own: dict[str, Any] = {"return_tensors": "pt", "add_special_tokens": special}
        cut = tokenizer(written, padding=padding, max_length=length, truncation=True, **own, **aside)
        # Without a limit, to say which words are lost. transformers would log that the model fails at so many tokens, and none are given it.
        whole = tokenizer(written, padding=False, add_special_tokens=special, verbose=False).input_ids
    # The last place that is kept is of the end token.
    beyond = [ids[length - 1 : -1] for ids in whole if len(ids) > length]
    lost = [text for text in tokenizer.batch_decode(beyond, skip_special_tokens=True) if text] if beyond else []
    return Tokens(cut.input_ids, cut.attention_mask, tuple(texts), length, tuple(dict.fromkeys(lost)))


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


@contextmanager
def _rules_kept(tokenizer: Any) -> Iterator[None]:
    """Give a tokenizer in Rust its rules of padding and truncation back, which each call sets.

    transformers writes them into `tokenizer.json`, and reads the side of padding from there: one that was called with another
    side would be another tokenizer, once saved and opened.
    """
    rust = getattr(tokenizer, "backend_tokenizer", None)
    padding, truncation = (None, None) if rust is None else (rust.padding, rust.truncation)
    try:
        yield
    finally:
        if rust is not None:
            rust.no_padding() if padding is None else rust.enable_padding(**padding)
            rust.no_truncation() if truncation is None else rust.enable_truncation(**truncation)


def padded_to_multiple(tokens: Tokens, tokenizer: Any, multiple: int, side: str) -> Tokens:
    """Return tokens with padding up to a multiple of a number, on a side; the tokenizer's own where "".

    Not by the tokenizer, which wants the length that it cuts to to be such a multiple, too.
    """
    import torch

    missing = -tokens.ids.shape[-1] % multiple
    place = (missing, 0) if (side or tokenizer.padding_side) == "left" else (0, missing)
    padded = torch.nn.functional.pad
    ids, mask = padded(tokens.ids, place, value=tokenizer.pad_token_id), padded(tokens.mask, place)
    return evolve(tokens, ids=ids, mask=mask)


def with_suffix(tokens: Tokens, tokenizer: Tokenizer, suffix: str) -> Tokens:
    """Return tokens with those of a text behind their padding."""
    import torch

    after = torch.tensor([plain_ids(tokenizer, suffix, special=False)]).expand(len(tokens.ids), -1)
    ids, mask = torch.cat([tokens.ids, after], dim=1), torch.cat([tokens.mask, torch.ones_like(after)], dim=1)
    return evolve(tokens, ids=ids, mask=mask)


def tokenizer_of(component: Any) -> Tokenizer:
    """Return what reads text of a component: a tokenizer itself, or that of a processor of text and images."""
    from transformers import ProcessorMixin

    found: Tokenizer = component.tokenizer if isinstance(component, ProcessorMixin) else component
    return found


def as_read(tokenizer: Any, text: str, encoding: TextEncoding) -> str:
    """Return a text as a text encoder reads it: within its template, or as a message of a chat."""
    if encoding.chat is None:
        return encoding.written(text)
    messages = encoding.chat(text if encoding.clean is None else encoding.clean(text))
    written: str = tokenizer.apply_chat_template(messages, tokenize=False, **encoding.chat_options)
    return written


def tokens_for(encoding: TextEncoding, component: Any, texts: list[str]) -> Tokens:
    """Return the tokens of texts as a text encoder reads them.

    Args:
        component: a tokenizer, or where texts are messages of a chat maybe a processor that has one.
    """
    written = [as_read(component, text, encoding) for text in texts]
    tokenizer: Tokenizer = component if encoding.chat is None else tokenizer_of(component)
    most, padding = encoding.length
    if most is not None and encoding.suffix:
        most -= len(plain_ids(tokenizer, encoding.suffix, special=False))
    hidden = encoding.drop
    if encoding.instruction:
        written = [encoding.instruction + text for text in written]
        if encoding.hides_instruction:
            # Without the mark at its beginning, which is handed on, and the end that it does not have, as its repository counts.
            own = len(plain_ids(tokenizer, encoding.instruction)) - 2
            most, hidden = (most or tokenizer.model_max_length) + own, hidden + own
    special, side, ends = encoding.chat is None, encoding.padding_side, encoding.pads_with_end
    read = tokenized(tokenizer, written, most, padding, special, side, ends)
    if encoding.multiple:
        read = padded_to_multiple(read, tokenizer, encoding.multiple, side)
    # Tokens of the template are no part of what a person may say.
    read = evolve(read, length=read.length - hidden)
    return with_suffix(read, tokenizer, encoding.suffix) if encoding.suffix else read


def processed(processor: Any, texts: list[str], images: list[Any]) -> dict[str, Tensor]:
    """Return what a processor makes of texts with images in them, padded to the longest, by the names of arguments of its model."""
    with TOKENIZING:
        found = processor(text=texts, images=images, padding=True, return_tensors="pt")
    return dict(found)


def warn_of_cuts(read: Mapping[str, Tokens], what: str) -> list[str]:
    """Log, and return, what text encoders do not read of their texts: each cut once, with all that make it, and who reads the whole.

    The classic pipelines log it for each encoder, and count what a T5 loses from the CLIPs' 77th token on.

    Args:
        read: the tokens of each text encoder, by its name. what: "prompt", or what else the texts are.
    """
    cuts: dict[tuple[int, tuple[str, ...]], list[str]] = {}
    said: list[str] = []
    for name, tokens in read.items():
        if tokens.lost:
            cuts.setdefault((tokens.length, tokens.lost), []).append(name)
    for (length, lost), names in cuts.items():
        texts = read[names[0]].texts
        whole = [name for name, tokens in read.items() if tokens.texts == texts and not tokens.lost]
        rest = f". {_reading(whole)} all of it" if whole else ""
        said.append(f"{_reading(names)} {length} tokens; this part of the {what} was cut off: {list(lost)}{rest}")
        logger.warning("%s", said[-1], stacklevel=caller_level())
    return said


def _reading(names: Sequence[str]) -> str:
    return f"{' and '.join(names)} read{'s' if len(names) == 1 else ''}"


def plain_ids(tokenizer: Tokenizer, text: str, special: bool = True) -> list[int]:
    """Return the ids of one text as it is, with or without the tokens that begin and end it."""
    with TOKENIZING:
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
