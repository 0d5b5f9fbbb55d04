"""Prompts whose words have weights, and that may be longer than a text encoder reads at once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from attrs import evolve, frozen

from ...families.prompt_chunks import Token, chunks_of, marks_of, padded
from ...families.prompt_reading import read_prompt
from ...families.prompt_syntax import PromptSyntax, Reading
from ...families.prompt_weighing import away_from_empty, mixed, places_of, shares_of, times_weights
from ...families.text_encoding import Encoded, TextEncoding, said_of
from ...state import Conditioning, Fault, Group, InputError, Outputs
from ...state.vocabulary import AttentionArguments, GuidanceScale, MaxSequenceLength
from ..core.choice import AutoPipelineBlocks
from ..core.sequential import SequentialPipelineBlocks
from ..core.slots import config
from ..steps.encode_prompt import (
    EncodeNegativePrompt,
    EncodePositivePrompt,
    HandOnPromptEmbeds,
    PlainTexts,
    TakeNegativeEmbeds,
    active_guider,
    encode_texts,
    prompt_names,
)

if TYPE_CHECKING:
    from torch import Tensor

MOST_CHUNKS = 64
"""More chunks than this are not made of what shall be as long as another."""
SYNTAX_DOC = "Whose syntax and arithmetic of weights prompts have: 'a1111', 'comfyui' or 'compel'."


@frozen(eq=False)
class Job:
    """What one text encoder reads.

    Attributes:
        chunks: of each prompt, how they are cut. readings: of each prompt.
    """

    tokenizer: Any
    encoder: Any
    encoding: TextEncoding
    readings: list[Reading]
    chunks: list[list[list[Token]]]
    syntax: PromptSyntax

    @property
    def length(self) -> int | None:
        """How many tokens a chunk has with its padding; None for as many as the longest."""
        limit, padding = self.encoding.length
        return None if padding == "longest" else limit or self.tokenizer.model_max_length

    def said(self, counts: Sequence[int]) -> tuple[list[list[Tensor]], list[list[Tensor]], Tensor | None]:
        """Return for each prompt what is said of each of so many chunks, and their masks; then the pooled vectors of the first chunks.

        A prompt that has fewer chunks than its count has empty ones behind them.
        """
        hidden: list[list[Tensor]] = [[] for _ in counts]
        masks: list[list[Tensor]] = [[] for _ in counts]
        pooled = None
        for number in range(max(counts)):
            rows = [row for row, count in enumerate(counts) if number < count]
            chunks = [self.chunks[row][number] if number < len(self.chunks[row]) else [] for row in rows]
            ids, there, weights = padded(self.tokenizer, chunks, self.length)
            found = said_of(self.encoder, ids, there, self.encoding)
            pooled = found.pooled if number == 0 else pooled
            if found.hidden is None:
                continue
            states = self.weighed(found.hidden, weights)
            for place, row in enumerate(rows):
                state = states[place : place + 1]
                if self.syntax == "compel":
                    token = slice(place, place + 1)
                    state = self.partly_hidden(state, row, chunks[place], ids[token], there[token], weights[token])
                hidden[row].append(state)
                if found.mask is not None:
                    masks[row].append(found.mask[place : place + 1])
        return hidden, masks, pooled

    def weighed(self, hidden: Tensor, weights: Tensor) -> Tensor:
        """Apply weights to hidden states of a batch of chunks."""
        if bool((weights == 1).all()):
            return hidden
        if self.syntax == "a1111":
            return times_weights(hidden, weights)
        ids, there, _ = padded(self.tokenizer, [[]], hidden.shape[1])
        empty = said_of(self.encoder, ids, there, self.encoding).hidden
        assert empty is not None
        return away_from_empty(hidden, weights, empty)

    def partly_hidden(
        self, state: Tensor, row: int, chunk: list[Token], ids: Tensor, there: Tensor, weights: Tensor
    ) -> Tensor:
        """Mix in what is said of a chunk where the pieces that count less than 1 are hidden, one after another."""
        import torch

        shares = shares_of(self.readings[row])
        begin = len(marks_of(self.tokenizer)[0])
        without = []
        for span, share in shares.items():
            places = places_of(chunk, span, begin)
            if not places:
                continue
            read = torch.ones_like(there)
            read[:, places] = 0
            found = said_of(self.encoder, ids, there, self.encoding, read).hidden
            assert found is not None
            without.append((share, self.weighed(found, weights)))
        return mixed(state, without, sum(shares.values())) if without else state


class WeightedTexts(PlainTexts):
    """Reads prompts with weights of words."""

    _is_framework_base: ClassVar[bool] = True
    if TYPE_CHECKING:
        prompt_syntax: PromptSyntax

    def reading_faults(self, given: Mapping[str, Any], negative: bool) -> Iterable[str]:
        """Say what in the prompts cannot be read, and where."""
        for name in prompt_names(self.family, negative):
            yield from (Fault(text, name) for text in self.text_faults(name, given.get(name)))

    def text_faults(self, name: str, texts: str | Sequence[str] | None) -> Iterable[str]:
        """Say what in some texts cannot be read, and where."""
        for place, text in _named(name, [texts] if isinstance(texts, str) else texts or []):
            try:
                read_prompt(text, self.prompt_syntax, place)
            except InputError as fault:
                yield str(fault)

    def length_beside(self, tokens: int) -> int:
        """Return the number of tokens of a chunk: of the positive embeddings, where one chunk is as long."""
        lengths = [
            tokenizer.model_max_length
            for tokenizer, each in zip(self.tokenizers, self.family.text_encodings, strict=True)
            if tokenizer is not None and each.negative_tokens == "positive"
        ]
        return int(min([tokens, *lengths]))

    def encoded_texts(
        self, texts: Sequence[list[str]], encodings: Sequence[TextEncoding], negative: bool
    ) -> list[Encoded | None]:
        """Encode the texts of each prompt of the family, by chunks; texts without weights of one chunk as they would be without this."""
        readings = self._readings(texts, negative)
        jobs = [
            None if encoder is None else self._job(place, tokenizer, encoder, encodings[place], readings)
            for place, (tokenizer, encoder) in enumerate(zip(self.tokenizers, self.text_encoders, strict=True))
        ]
        plain = all(reading.plain for batch in readings for reading in batch)
        if plain and all(len(chunks) == 1 for job in jobs if job is not None for chunks in job.chunks):
            return encode_texts(self, texts, encodings, "negative prompt" if negative else "prompt")
        chunked = [job for place, job in enumerate(jobs) if job is not None and self._is_chunked(place)]
        counts = [
            max([1, *(len(job.chunks[row]) for job in chunked if job.encoding.hidden)]) for row in range(len(texts[0]))
        ]
        times = self._times(counts)
        return [
            None if job is None else _encoded(job, counts, times) if job in chunked else _encoded(job, [1] * len(counts), [1] * len(counts))
            for job in jobs
        ]  # fmt: skip

    def _is_chunked(self, place: int) -> bool:
        return self.family.text_encodings[place].tokens == "own"

    def _readings(self, texts: Sequence[list[str]], negative: bool) -> list[list[Reading]]:
        known: dict[str, Reading] = {}
        for name, batch in zip(prompt_names(self.family, negative), texts, strict=True):
            for place, text in _named(name, batch):
                if text in known:
                    continue
                known[text] = read_prompt(text, self.prompt_syntax, place)
                for words in known[text].remarks:
                    self.warn(words)
        self._warn_of_no_effect(texts, known, negative)
        return [[known[text] for text in batch] for batch in texts]

    def _warn_of_no_effect(self, texts: Sequence[list[str]], known: Mapping[str, Reading], negative: bool) -> None:
        encodings = self.family.text_encodings
        fields = len(texts)
        read = {
            text
            for place, each in enumerate(encodings)
            if each.hidden and self.text_encoders[place] is not None
            for text in texts[each.field_of(place, fields)]
        }
        for name, batch in zip(prompt_names(self.family, negative), texts, strict=True):
            if any(known[text].weighted and text not in read for text in batch):
                self.warn(
                    f"weights in {name} change nothing: of what reads it, only one vector for the whole text counts"
                )

    def _job(
        self, place: int, tokenizer: Any, encoder: Any, encoding: TextEncoding, readings: Sequence[list[Reading]]
    ) -> Job:
        batch = readings[encoding.field_of(place, len(readings))]
        if encoding.clean is not None:
            batch = [_cleaned(reading, encoding) for reading in batch]
        room = (encoding.length[0] or tokenizer.model_max_length) - sum(map(len, marks_of(tokenizer)))
        chunked = self._is_chunked(place)
        if not chunked:
            # What reads long texts reads them in one piece.
            batch = [evolve(each, parts=(tuple(s for part in each.parts for s in part),)) for each in batch]
        chunks = [chunks_of(tokenizer, reading, room, self.prompt_syntax) for reading in batch]
        if not chunked or not encoding.hidden:
            name = self.family.roles["text_encoders"][place].name
            what = f"reads {room} tokens of a text" if not chunked else "makes its vector of the first chunk of a text"
            for cut in (each for each in chunks if len(each) > 1):
                lost = tokenizer.decode([token.id for chunk in cut[1:] for token in chunk])
                self.warn(f"{name} {what}; this part of the prompt is not read by it: {lost!r}")
            chunks = [each[:1] for each in chunks]
        return Job(tokenizer, encoder, encoding, batch, chunks, self.prompt_syntax)

    def _times(self, counts: Sequence[int]) -> list[int]:
        """Return how often the chunks of each prompt stand one behind the other, so that all are as long."""
        if len(set(counts)) == 1:
            return [1] * len(counts)
        if not self.family.repeats_text:
            raise InputError(
                f"The prompts are read in {', '.join(map(str, counts))} chunks, and {self.family.name} reads text and image together, so what "
                "fills up the shorter ones would change their images. Give prompts of different lengths in calls of their own."
            )
        whole = _whole(counts, f"The prompts are read in {', '.join(map(str, counts))} chunks")
        return [whole // count for count in counts]


def _whole(counts: Sequence[int], what: str) -> int:
    whole = math.lcm(*counts)
    if whole > MOST_CHUNKS * min(counts):
        raise InputError(f"{what}, of which no common multiple is small enough. Give prompts of different lengths in calls of their own.")  # fmt: skip
    return whole


def _named(name: str, texts: Sequence[str]) -> list[tuple[str, str]]:
    alone = len(set(texts)) == 1
    return [(name if alone else f"{name}[{number}]", text) for number, text in enumerate(texts)]


def _cleaned(reading: Reading, encoding: TextEncoding) -> Reading:
    assert encoding.clean is not None
    return evolve(
        reading, parts=tuple(tuple(evolve(s, text=encoding.clean(s.text)) for s in part) for part in reading.parts)
    )


def _encoded(job: Job, counts: Sequence[int], times: Sequence[int]) -> Encoded:
    import torch

    if not job.encoding.hidden:
        return Encoded(None, job.said([1] * len(counts))[2])
    hidden, masks, pooled = job.said(counts)

    def level(parts: list[list[Tensor]]) -> Tensor:
        return torch.cat([torch.cat(part * often, dim=1) for part, often in zip(parts, times, strict=True)])

    return Encoded(level(hidden), pooled, level(masks) if masks[0] else None)


class EncodeWeightedPositivePrompt(WeightedTexts, EncodePositivePrompt):
    """Encode the prompts with the family's text encoders, words by their weights and long texts in chunks."""

    prompt_syntax: PromptSyntax = config("a1111", doc=SYNTAX_DOC)

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what in the prompts cannot be read, and what the encoders cannot."""
        yield from self.reading_faults(given, negative=False)
        yield from super().misfits(given)


class EncodeWeightedNegativePrompt(WeightedTexts, EncodeNegativePrompt):
    """Encode what the images shall not show, words by their weights and long texts in chunks.

    Where repeated text changes nothing, positive and negative embeddings become as long as each other.
    """

    prompt_syntax: PromptSyntax = config("a1111", doc=SYNTAX_DOC)

    class Out(Outputs):
        embeds: Annotated[Conditioning, Group("prompt_embeds")]

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what in the negative prompts cannot be read, and what the encoders cannot."""
        if active_guider(self.guider, given.get("guidance_scale")).uses_negative:
            yield from self.reading_faults(given, negative=True)
        yield from super().misfits(given)

    def run(  # type: ignore[override]  # it writes both sides
        self,
        given: Annotated[Conditioning, Group("prompt_embeds", "positive")],
        negative_prompts: Annotated[Conditioning, Group("prompts", "negative")] = Conditioning({}),
        guidance_scale: GuidanceScale | None = None,
        cross_attention_kwargs: AttentionArguments | None = None,
        max_sequence_length: MaxSequenceLength | None = None,
    ) -> Out:
        said = self.negatives(given, negative_prompts, guidance_scale, cross_attention_kwargs, max_sequence_length)
        part = self.family.fields("prompt_embeds")[0]
        both = {**given, **said}
        if said and self.family.repeats_text:
            counts = [both[name].shape[1] for name in (part.positive, part.negative)]
            whole = _whole(counts, f"The positive embeddings have {counts[0]} tokens and the negative ones {counts[1]}")
            for name, count in zip((part.positive, part.negative), counts, strict=True):
                both[name] = both[name].repeat(1, whole // count, 1) if whole > count else both[name]
        return self.Out(embeds=Conditioning(both))


class WeightedPositivePrompt(AutoPipelineBlocks):
    """Prompts with weights, or embeddings in their place."""

    block_classes = [HandOnPromptEmbeds, EncodeWeightedPositivePrompt]
    block_names = ["given", "encode"]
    block_trigger_inputs = ["prompt_embeds", None]


class WeightedNegativePrompt(AutoPipelineBlocks):
    """Negative prompts with weights, or embeddings in their place."""

    block_classes = [TakeNegativeEmbeds, EncodeWeightedNegativePrompt]
    block_names = ["given", "encode"]
    block_trigger_inputs = ["negative_prompt_embeds", None]


class EncodeWeightedPrompt(SequentialPipelineBlocks):
    """Turn prompts with weights of words into embeddings: `(red:1.4)`, `[red]`, `BREAK`, and texts of any length."""

    block_classes = [WeightedPositivePrompt, WeightedNegativePrompt]
    block_names = ["positive", "negative"]
