"""From words to the embeddings that steer a denoiser."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated, Any

from ...adapters.lora_scale import lora_scale, weight_of
from ...engine.network_calls import call_network
from ...families.contract import TextEncoder, TextEncoding, Tokenizer
from ...families.tokenize import token_ids
from ...guiders import ClassifierFreeGuidance
from ...state import Conditioning, Group, InputError, Outputs
from ...state.vocabulary import AttentionArguments, ClipSkip, GuidanceScale
from ..core.block import Block
from ..core.choice import AutoPipelineBlocks
from ..core.sequential import SequentialPipelineBlocks
from ..core.slots import component, config
from .encoder_limits import length_faults, skip_faults

if TYPE_CHECKING:
    from torch import Tensor

    from ...guiders import Guider


class EncodePositivePrompt(Block):
    """Encode the prompts with the family's text encoders."""

    tokenizers: tuple[Tokenizer, ...] = component(many=True, doc="Cut text into tokens.")
    text_encoders: tuple[TextEncoder, ...] = component(many=True, doc="Turn tokens into hidden states.")

    class Out(Outputs):
        embeds: Annotated[Conditioning, Group("prompt_embeds", "positive")]

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say which text encoders cannot read so many tokens, or have no so many layers."""
        names = [part.name for part in self.family.roles["tokenizers"]]
        lengths = [0 if each is None else each.model_max_length for each in self.tokenizers]
        for fault in length_faults(self.family, self.text_encoders, lengths, names):
            yield f"{fault}: they are of different models. Take both from one repository."
        if given.get("clip_skip") is not None:
            yield from skip_faults(self.family, self.text_encoders, given["clip_skip"])

    def run(
        self,
        prompts: Annotated[Conditioning, Group("prompts", "positive")],
        clip_skip: ClipSkip | None = None,
        cross_attention_kwargs: AttentionArguments | None = None,
    ) -> Out:
        texts = texts_by_encoder(self.family.fields("prompts"), prompts, negative=False)
        encodings = self.family.text_encodings
        if clip_skip is not None:
            encodings = tuple(TextEncoding(part.hidden_state - clip_skip, part.pooled) for part in encodings)
        with loras_weighed(self.text_encoders, cross_attention_kwargs):
            encoded = encode_texts(self.tokenizers, self.text_encoders, texts, encodings)
        return self.Out(embeds=named_embeds(self.family.fields("prompt_embeds"), *encoded, negative=False))


class EncodeNegativePrompt(Block):
    """Encode what the images shall not show; zeros where nothing is said and the family wants zeros."""

    tokenizers: tuple[Tokenizer, ...] = component(many=True)
    text_encoders: tuple[TextEncoder, ...] = component(many=True)
    guider: ClassifierFreeGuidance = component(config={"guidance_scale": 7.5}, doc="Says whether it is needed.")
    force_zeros_for_empty_prompt: bool = config(
        True, doc="No negative prompt: embeddings of zeros, not of the text ''."
    )

    class Out(Outputs):
        embeds: Annotated[Conditioning, Group("prompt_embeds", "negative")]

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say which text encoders cannot read as many tokens as positive embeddings of the caller's own have."""
        positive = self.family.fields("prompt_embeds")[0]
        embeds = given.get(positive.positive)
        if embeds is None or not active_guider(self.guider, given.get("guidance_scale")).uses_negative:
            return
        texts = [part.negative for part in self.family.fields("prompts") if given.get(part.negative) is not None]
        if not texts and self._zeros_for_nothing:
            return
        count = len(self.text_encoders)
        lengths, by = [embeds.shape[1]] * count, [positive.positive] * count
        for fault in length_faults(self.family, self.text_encoders, lengths, by):
            yield f"{fault}: give negative embeddings of as many tokens, {positive.negative}=..., in place of negative prompts."

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
    ) -> Out:
        fields = self.family.fields("prompt_embeds")
        if not active_guider(self.guider, guidance_scale).uses_negative:
            return self.Out(embeds=Conditioning({}))
        if not negative_prompts and self._zeros_for_nothing:
            # What the SDXL base was trained with as the empty prompt (`force_zeros_for_empty_prompt` of its
            # repository).
            zeros = {part.negative: given[part.positive] * 0 for part in fields}
            return self.Out(embeds=Conditioning(zeros))
        texts = texts_by_encoder(self.family.fields("prompts"), negative_prompts, negative=True)
        # Both branches go through the denoiser in one batch, so the negative texts are cut to the positive ones'
        # length.
        count, tokens = given[fields[0].positive].shape[:2]
        texts = [_repeated(text, count) for text in texts]
        with loras_weighed(self.text_encoders, cross_attention_kwargs):
            encoded = encode_texts(self.tokenizers, self.text_encoders, texts, self.family.text_encodings, tokens)
        return self.Out(embeds=named_embeds(fields, *encoded, negative=True))


class TakePromptEmbeds(Block):
    """Take embeddings that the caller gives in place of prompts."""

    def run(self, embeds: Annotated[Conditioning, Group("prompt_embeds", "positive")]) -> None:
        check_batch(embeds)


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


def texts_by_encoder(fields: Sequence[Any], prompts: Mapping[str, Any], negative: bool) -> list[list[str]]:
    """Return a list of texts per encoder; encoders without a text of their own get the first's."""
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


def encode_texts(
    tokenizers: Sequence[Any],
    encoders: Sequence[Any],
    texts: Sequence[list[str]],
    encodings: Sequence[TextEncoding],
    tokens: int | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Encode each encoder's texts; join hidden states by width.

    Args:
        tokens: length that texts are padded or cut to; the tokenizer's own where None.

    Returns:
        Hidden states `[b, tokens, width]`, and the pooled vector `[b, width]` of the encoder that gives one.
    """
    import torch

    hidden: list[Tensor] = []
    pooled = None
    present = [parts for parts in zip(tokenizers, encoders, texts, encodings, strict=True) if parts[1] is not None]
    for tokenizer, encoder, batch, encoding in present:
        ids = token_ids(tokenizer, batch, tokens).to(encoder.device)
        output = call_network(encoder, ids, output_hidden_states=True)
        # The last but one by default: SDXL joins the penultimate outputs of both encoders (Podell et al. 2023,
        # section 2.1).
        hidden.append(output.hidden_states[encoding.hidden_state])
        if encoding.pooled:
            pooled = output.text_embeds
    return torch.cat(hidden, dim=-1), pooled


def named_embeds(fields: Sequence[Any], hidden: Tensor, pooled: Tensor | None, negative: bool) -> Conditioning:
    """Name hidden states and pooled vector as the family does."""
    sources = {"hidden": hidden, "pooled": pooled}
    return Conditioning({(p.negative if negative else p.positive): sources[p.source] for p in fields})


def check_batch(embeds: Mapping[str, Any]) -> None:
    """Raise InputError if given embeddings differ in their number of images."""
    sizes = {name: len(value) for name, value in embeds.items()}
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"{name}: {size}" for name, size in sizes.items())
        raise InputError(f"Embeddings must hold one row per prompt, and they differ: {found}.")
