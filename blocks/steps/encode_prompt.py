"""From words to the embeddings that steer a denoiser."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from ...adapters.lora_scale import lora_scale, scale_faults, weight_of
from ...families.contract import Denoiser, FamilyContract, TextEncoder, Tokenizer
from ...families.prompt_syntax import weight_syntax_in
from ...families.text_encoding import Encoded, TextEncoding, said_of_texts
from ...families.tokenize import Tokens, tokens_for, warn_of_cuts
from ...guiders import ClassifierFreeGuidance
from ...state import Conditioning, Fault, Group, InputError, Outputs
from ...state.vocabulary import AttentionArguments, ClipSkip, GuidanceScale, MaxSequenceLength
from ..core.block import Block
from ..core.choice import AutoPipelineBlocks
from ..core.sequential import SequentialPipelineBlocks
from ..core.slots import component, config
from .encoder_limits import (
    TextInputs,
    absence_faults,
    length_faults,
    lost_embeds,
    skip_faults,
    unused_negative,
    width_faults,
)

if TYPE_CHECKING:
    from ...guiders import Guider


Reader = Callable[[Sequence[list[str]], Sequence[TextEncoding], bool], list[Encoded | None]]
"""Encodes the texts of each prompt of a family, by the encodings; the last says whether these are negative."""


class PlainTexts(TextInputs):
    """Reads prompts as they are written."""

    _is_framework_base: ClassVar[bool] = True
    if TYPE_CHECKING:
        tokenizers: tuple[Tokenizer, ...]
        text_encoders: tuple[TextEncoder, ...]

    def encoded_texts(
        self, texts: Sequence[list[str]], encodings: Sequence[TextEncoding], negative: bool
    ) -> list[Encoded | None]:
        """Encode the texts of each prompt of the family; what looks like syntax of weights is warned of."""
        for name, batch in zip(prompt_names(self.family, negative), texts, strict=True):
            found = next((each for each in map(weight_syntax_in, batch) if each), None)
            if found:
                self.warn(
                    f"{name} has {found!r}, which is read as text: blocks that read weights of words are made by "
                    "brickwork.presets.tasks.with_prompt_weights(blocks, family)"
                )
                break
        return encode_texts(self, texts, encodings, "negative prompt" if negative else "prompt")

    def length_beside(self, tokens: int) -> int:
        """Return how many tokens a negative prompt is read in beside positive embeddings of so many."""
        return tokens


class EncodePositivePrompt(PlainTexts, Block):
    """Encode the prompts with the family's text encoders."""

    tokenizers: tuple[Tokenizer, ...] = component(many=True, doc="Cut text into tokens.")
    text_encoders: tuple[TextEncoder, ...] = component(many=True, doc="Turn tokens into hidden states.")
    embeds_readers: tuple[Denoiser, ...] = component(
        many=True, config_only=True, doc="Says how wide embeddings are, where a text encoder is none."
    )

    class Out(Outputs):
        embeds: Annotated[Conditioning, Group("prompt_embeds", "positive")]

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say which embeddings of the caller's own would be lost."""
        yield from super().input_faults(given)
        yield from lost_embeds(self.family, given, negative=False)

    def component_faults(self, components: Mapping[str, Any]) -> Iterable[str]:
        """Say that the denoiser reads texts of another width than the encoders make."""
        yield from super().component_faults(components)
        yield from width_faults(self.family, components)

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say which text encoders cannot read so many tokens, have no so many layers, or are none and have a prompt of their own."""
        names = [part.name for part in self.family.roles["tokenizers"]]
        read = [
            0 if each is None or encoding.tokens != "own" else each.model_max_length
            for encoding, each in zip(self.family.text_encodings, self.tokenizers, strict=True)
        ]
        for fault in length_faults(self.family, self.text_encoders, read, names):
            yield f"{fault}: they are of different models. Take both from one repository."
        yield from absence_faults(self.family, self.tokenizers, self.text_encoders, given)
        skipped = given.get("clip_skip")
        yield from () if skipped is None else skip_faults(self.family, self.text_encoders, skipped)
        yield from scale_faults(self.text_encoders, given.get("cross_attention_kwargs"))

    def run(
        self,
        prompts: Annotated[Conditioning, Group("prompts", "positive")],
        clip_skip: ClipSkip | None = None,
        cross_attention_kwargs: AttentionArguments | None = None,
        max_sequence_length: MaxSequenceLength | None = None,
    ) -> Out:
        return self.Out(embeds=self.encoded(prompts, clip_skip, cross_attention_kwargs, max_sequence_length))

    def encoded(
        self,
        prompts: Conditioning,
        clip_skip: int | None,
        cross_attention_kwargs: Mapping[str, Any] | None,
        max_sequence_length: int | None,
        read: Reader | None = None,
    ) -> Conditioning:
        """Return what the text encoders say of prompts, a row for each; `read` stands in the place of `encoded_texts`."""
        family = self.family
        texts = texts_by_field(family.fields("prompts"), prompts, negative=False)
        asked = max_sequence_length or family.max_sequence_length
        encodings = [each.of_length(asked).skipping(clip_skip) for each in family.text_encodings]
        with loras_weighed(self.text_encoders, cross_attention_kwargs):
            encoded = (read or self.encoded_texts)(texts, encodings, False)
        sources = family.joined_texts(encoded, reader_of(self), len(texts[0]), asked)
        return named_embeds(family.fields("prompt_embeds"), sources, negative=False)


class EncodeNegativePrompt(PlainTexts, Block):
    """Encode what the images shall not show; zeros where nothing is said and the family wants zeros."""

    tokenizers: tuple[Tokenizer, ...] = component(many=True)
    text_encoders: tuple[TextEncoder, ...] = component(many=True)
    embeds_readers: tuple[Denoiser, ...] = component(many=True, config_only=True)
    guider: ClassifierFreeGuidance = component(config={"guidance_scale": 7.5}, doc="Which predictions are made.")
    force_zeros_for_empty_prompt: bool = config(
        True, doc="No negative prompt: embeddings of zeros, not of the text ''."
    )

    class Out(Outputs):
        embeds: Annotated[Conditioning, Group("prompt_embeds", "negative")]

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say which embeddings of the caller's own would be lost."""
        yield from super().input_faults(given)
        yield from lost_embeds(self.family, given, negative=True)

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say which text encoders cannot read as many tokens as positive embeddings of the caller's own have."""
        if not active_guider(self.guider, given.get("guidance_scale")).uses_negative:
            return
        positive = self.family.fields("prompt_embeds")[0]
        embeds = given.get(positive.positive)
        texts = [part.negative for part in self.family.fields("prompts") if given.get(part.negative) is not None]
        if not texts and self._zeros_for_nothing:
            return
        yield from absence_faults(self.family, self.tokenizers, self.text_encoders, given, negative=True)
        if embeds is None:
            return
        encodings = self.family.text_encodings
        beside = self.length_beside(embeds.shape[1])
        lengths = [beside if each.negative_tokens == "positive" else 0 for each in encodings]
        by = [positive.positive] * len(lengths)
        for fault in length_faults(self.family, self.text_encoders, lengths, by):
            text = f"{fault}: give negative embeddings of as many tokens, {positive.negative}=..., in place of negative prompts."
            yield Fault(text, positive.positive, positive.negative)

    @property
    def _zeros_for_nothing(self) -> bool:
        known = self.family.zeros_for_empty_prompt
        return self.force_zeros_for_empty_prompt if known is None else known

    def run(
        self,
        given: Annotated[Conditioning, Group("prompt_embeds", "positive")],
        negative_prompts: Annotated[Conditioning, Group("prompts", "negative")] = Conditioning({}),
        guidance_scale: GuidanceScale | None = None,
        cross_attention_kwargs: AttentionArguments | None = None,
        max_sequence_length: MaxSequenceLength | None = None,
    ) -> Out:
        return self.Out(
            embeds=self.negatives(given, negative_prompts, guidance_scale, cross_attention_kwargs, max_sequence_length)
        )

    def negatives(
        self,
        given: Conditioning,
        negative_prompts: Conditioning,
        guidance_scale: float | None,
        cross_attention_kwargs: Mapping[str, Any] | None,
        max_sequence_length: int | None,
        read: Reader | None = None,
    ) -> Conditioning:
        """Return the negative embeddings, none where the guider does not ask for them; `read` stands in the place of `encoded_texts`."""
        family, fields = self.family, self.family.fields("prompt_embeds")
        if not active_guider(self.guider, guidance_scale).uses_negative:
            if said := next((name for name, texts in negative_prompts.items() if texts and any(texts)), ""):
                self.warn(unused_negative(self.guider, said))
            return Conditioning({})
        if not negative_prompts and self._zeros_for_nothing:
            # What the SDXL base was trained with as the empty prompt (`force_zeros_for_empty_prompt` of its
            # repository).
            zeros = {part.negative: given[part.positive] * 0 for part in fields}
            return Conditioning(zeros)
        count, tokens = given[fields[0].positive].shape[:2]
        texts = texts_by_field(family.fields("prompts"), negative_prompts, negative=True)
        texts = [_repeated(text, count) for text in texts]
        asked = max_sequence_length or family.max_sequence_length
        encodings = [each.of_length(asked).beside(self.length_beside(tokens)) for each in family.text_encodings]
        with loras_weighed(self.text_encoders, cross_attention_kwargs):
            encoded = (read or self.encoded_texts)(texts, encodings, True)
        sources = family.joined_texts(encoded, reader_of(self), count, asked)
        return named_embeds(fields, sources, negative=True)


class TakePromptEmbeds(Block):
    """Take embeddings that the caller gives in place of prompts."""

    def run(self, embeds: Annotated[Conditioning, Group("prompt_embeds", "positive")]) -> None:
        check_batch(embeds)


class HandOnPromptEmbeds(Block):
    """Take embeddings that the caller gives in place of prompts, and hand them on to what changes them."""

    class Out(Outputs):
        embeds: Annotated[Conditioning, Group("prompt_embeds", "positive")]

    def run(self, embeds: Annotated[Conditioning, Group("prompt_embeds", "positive")]) -> Out:
        check_batch(embeds)
        return self.Out(embeds=embeds)


class TakeNegativeEmbeds(Block):
    """Take negative embeddings that the caller gives in place of negative prompts."""

    def run(self, embeds: Annotated[Conditioning, Group("prompt_embeds", "negative")]) -> None:
        check_batch(embeds)


class PositivePrompt(AutoPipelineBlocks):
    """Prompts, or embeddings in their place."""

    block_classes = [TakePromptEmbeds, EncodePositivePrompt]
    block_names = ["given", "encode"]
    block_trigger_inputs = ["prompt_embeds", None]


class NegativePrompt(AutoPipelineBlocks):
    """Negative prompts, or embeddings in their place."""

    block_classes = [TakeNegativeEmbeds, EncodeNegativePrompt]
    block_names = ["given", "encode"]
    block_trigger_inputs = ["negative_prompt_embeds", None]


class EncodePrompt(SequentialPipelineBlocks):
    """Turn prompts into embeddings."""

    block_classes = [PositivePrompt, NegativePrompt]
    block_names = ["positive", "negative"]


@contextmanager
def loras_weighed(encoders: Sequence[Any], arguments: Mapping[str, Any] | None) -> Iterator[None]:
    """Let the LoRAs of text encoders be as strong as the call says."""
    with ExitStack() as stack:
        for encoder in encoders:
            if encoder is not None:
                stack.enter_context(lora_scale(encoder, weight_of(arguments)))
        yield


def active_guider(guider: Guider, guidance_scale: float | None) -> Any:
    """Return the guider of a run: the pipeline's, with the scale that the call names."""
    return guider if guidance_scale is None else guider.as_asked(guidance_scale)


def reader_of(block: EncodePositivePrompt | EncodeNegativePrompt) -> Denoiser | None:
    """Return the denoiser of which the family says that it is asked how wide embeddings are; None where it says so of none."""
    # A block that was made with components of its own may be given none: only where a text encoder is none it is asked.
    readers: tuple[Denoiser, ...] = vars(block).get("embeds_readers", ())
    return next(iter(readers), None)


def prompt_names(family: FamilyContract, negative: bool) -> list[str]:
    """Return the names of the family's prompts."""
    return [part.negative if negative else part.positive for part in family.fields("prompts")]


def texts_by_field(fields: Sequence[Any], prompts: Mapping[str, Any], negative: bool) -> list[list[str]]:
    """Return a list of texts per prompt of the family; the first's for those that are not given."""
    first: str | list[str] = ""
    texts: list[list[str]] = []
    for part in fields:
        name = part.negative if negative else part.positive
        # An empty text counts as absent, as in the classic pipelines.
        given = prompts.get(name) or first
        first = given if not texts else first
        texts.append(_listed(given, len(texts[0]) if texts else 1))
        if len(texts[-1]) != len(texts[0]):
            raise InputError(
                f"{name} holds {len(texts[-1])} texts and {fields[0].negative if negative else fields[0].positive} "
                f"{len(texts[0])}; give one for each image, or a single text."
            )
    return texts


def _listed(given: str | list[str], count: int) -> list[str]:
    listed = [given] if isinstance(given, str) else list(given)
    return listed * count if len(listed) == 1 else listed


def _repeated(texts: list[str], count: int) -> list[str]:
    if len(texts) == 1:
        return texts * count
    if len(texts) != count:
        raise InputError(
            f"negative_prompt holds {len(texts)} texts, and there are {count} prompts; give one for each, or a single text."
        )
    return texts


_LONGEST_WARNING = 600
"""Characters of what listeners are told of a cut; the log has all of it."""


def encode_texts(
    block: PlainTexts,
    texts: Sequence[list[str]],
    encodings: Sequence[TextEncoding],
    what: str,
) -> list[Encoded | None]:
    """Encode what each text encoder of a block reads of the prompts, and log what of these is cut off; None is said by one that is not there.

    Args:
        texts: of each prompt of the family. encodings: their numbers of tokens are known, none is "asked". what: the texts are.
    """
    said: list[Encoded | None] = []
    read: dict[str, Tokens] = {}
    names = [part.name for part in block.family.roles["text_encoders"]]
    encoders: Sequence[Any] = block.text_encoders
    parts = zip(names, block.tokenizers, encoders, encodings, strict=True)
    for place, (name, tokenizer, encoder, encoding) in enumerate(parts):
        if encoder is None:
            said.append(None)
            continue
        batch = texts[encoding.field_of(place, len(texts))]
        read[name] = tokens_for(encoding, tokenizer, batch)
        said.append(said_of_texts(encoder, read[name], encoding))
    for text in warn_of_cuts(read, what):
        block._tell(text if len(text) <= _LONGEST_WARNING else f"{text[:_LONGEST_WARNING]}…")
    return said


def named_embeds(fields: Sequence[Any], sources: Mapping[str, Any], negative: bool) -> Conditioning:
    """Name what text encoders say as the family does."""
    return Conditioning({(p.negative if negative else p.positive): sources[p.source] for p in fields})


def check_batch(embeds: Mapping[str, Any]) -> None:
    """Raise InputError if given embeddings differ in their number of images."""
    sizes = {name: len(value) for name, value in embeds.items()}
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"{name}: {size}" for name, size in sizes.items())
        raise InputError(f"Embeddings must hold one row per prompt, and they differ: {found}.")
