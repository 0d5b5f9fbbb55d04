"""Weighted prompts as tokens, cut into chunks of as many as a text encoder reads.

Where a long prompt is cut is as the dialect's project does it: sd_hijack_clip.py of AUTOMATIC1111's web UI behind the last comma of the
last 20 tokens, sd1_clip.py of ComfyUI between words, embeddings_provider.py of compel (`truncate_long_prompts=False`) behind a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from .prompt_syntax import PromptSyntax, Reading, Span
from .tokenize import plain_ids

if TYPE_CHECKING:
    from torch import Tensor

    from .roles import Tokenizer

_COMMA = ",</w>"
_BACKTRACK = 20
"""How many tokens the web UI moves to the next chunk at most, so that one begins behind a comma (its setting of this name)."""
_LARGE_WORD = 8
"""So many tokens make a word that ComfyUI cuts (`max_word_length`)."""
_SENTENCE, _PHRASE = (".</w>",), (".</w>", ",</w>", ";</w>", ":</w>")


@frozen
class Token:
    """One token of a weighted prompt.

    Attributes:
        span: number of the piece of the prompt that it is of. word: number of its word, where the dialect cuts between words.
    """

    id: int
    weight: float
    span: int
    word: int = 0


def part_tokens(tokenizer: Tokenizer, spans: Sequence[Span], plain: bool, by_words: bool) -> list[Token]:
    """Return the tokens of a part of a prompt, without those that begin and end a text."""
    found: list[Token] = []
    words = 0
    for number, span in enumerate(spans):
        # Space at its ends is nothing to a CLIP, and a token of its own to a T5.
        text = span.text if plain else span.text.strip()
        for word in text.split() if by_words else [text]:
            ids = plain_ids(tokenizer, word, special=False)
            found += [Token(each, span.weight, number, words) for each in ids]
            words += 1
    return found


def in_chunks(tokenizer: Any, tokens: Sequence[Token], room: int, syntax: PromptSyntax) -> list[list[Token]]:
    """Cut the tokens of a part into chunks of at most so many; an empty part is an empty chunk."""
    chunks: list[list[Token]] = []
    rest = list(tokens)
    while len(rest) > room:
        names = list(tokenizer.convert_ids_to_tokens([each.id for each in rest[: room + 1]]))
        size = {"a1111": _behind_comma, "comfyui": _between_words, "compel": _behind_sentence}[syntax](
            rest, names, room
        )
        chunks.append(rest[:size])
        rest = rest[size:]
    return [*chunks, rest] if rest or not chunks else chunks


def _behind_comma(tokens: Sequence[Token], names: Sequence[str], room: int) -> int:  # noqa: ARG001 - others read them
    commas = [place for place, name in enumerate(names[:room]) if name == _COMMA]
    if names[room] != _COMMA and commas and room - commas[-1] <= _BACKTRACK:
        return commas[-1] + 1
    return room


def _between_words(tokens: Sequence[Token], names: Sequence[str], room: int) -> int:  # noqa: ARG001 - others read them
    word = [place for place, each in enumerate(tokens) if each.word == tokens[room].word]
    return room if len(word) >= _LARGE_WORD or word[0] == 0 else word[0]


def _behind_sentence(tokens: Sequence[Token], names: Sequence[str], room: int) -> int:  # noqa: ARG001 - others read them
    for marks in (_SENTENCE, _PHRASE):
        ends = [place for place, name in enumerate(names[:room]) if name in marks]
        if ends:
            return ends[-1] + 1
    ends = [place for place, name in enumerate(names[:room]) if name.endswith("</w>")]
    return ends[-1] + 1 if ends else room


def chunks_of(tokenizer: Any, reading: Reading, room: int, syntax: PromptSyntax) -> list[list[Token]]:
    """Return the chunks of a prompt, at least one; a part that a break begins is a chunk of its own."""
    made: list[list[Token]] = []
    for part in reading.parts:
        tokens = part_tokens(tokenizer, part, reading.plain, syntax == "comfyui" and not reading.plain)
        if syntax == "comfyui" and reading.plain and len(tokens) > room:
            tokens = part_tokens(tokenizer, part, reading.plain, by_words=True)
        made += in_chunks(tokenizer, tokens, room, syntax)
    # What ends with a break has nothing behind it (`tokenize_line` of the web UI).
    return made[:-1] if len(made) > 1 and not made[-1] else made


def marks_of(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Return the tokens that begin a text, and those that end it."""
    bare = plain_ids(tokenizer, "")
    return bare[:-1], bare[-1:]


def padded(tokenizer: Any, chunks: Sequence[Sequence[Token]], length: int | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return ids of chunks, which tokens are no padding, and weights, each `[b, tokens]`.

    Args:
        length: of all rows; None for that of the longest chunk.
    """
    import torch

    begin, end = marks_of(tokenizer)
    rows = [[*begin, *(token.id for token in chunk), *end] for chunk in chunks]
    most = length or max(len(row) for row in rows)
    ids = [[*row, *[tokenizer.pad_token_id] * (most - len(row))] for row in rows]
    mask = [[1] * len(row) + [0] * (most - len(row)) for row in rows]
    weights = torch.ones(len(rows), most)
    for row, chunk in enumerate(chunks):
        weights[row, len(begin) : len(begin) + len(chunk)] = torch.tensor([token.weight for token in chunk])
    return torch.tensor(ids), torch.tensor(mask), weights
