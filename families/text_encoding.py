"""How the text encoders of a family are read, and how what they say is joined."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from attrs import evolve, field, frozen

from ..engine.network_calls import call_network
from ..state import ComponentError

if TYPE_CHECKING:
    from torch import Tensor

    from .roles import Denoiser, TextEncoder
    from .tokenize import Tokens


@frozen
class TextEncoding:
    """How one text encoder is read.

    Attributes:
        hidden_state: which of the hidden states, counted from the end; None is the encoder's own output, `last_hidden_state`.
        hidden: False where the pooled vector is all that is read (the CLIP of FLUX).
        normed: the encoder's final norm is applied to a hidden state that is not its own output (Stable Diffusion 1, where
            `clip_skip` picks an earlier one).
        pooled: it gives a pooled vector. pooled_name: what its class calls that.
        tokens: how many tokens texts are padded and cut to: "own" is the tokenizer's length, "asked" `max_sequence_length`,
            "longest" that of the longest text of the batch; or a number. to_longest: "asked" is the most, and texts are padded to
            the longest of the batch alone. multiple: padded further, to a multiple of so many.
        most: how many tokens "asked" may be, and what "longest" cuts to; 0 is no limit, and the tokenizer's length.
        negative_tokens: "positive" pads and cuts negative prompts to as many tokens as the positive embeddings have, which is
            what lets embeddings of the caller's own share a batch with them (Stable Diffusion 1 and XL).
        masked: the encoder is told which tokens are padding; None is as its own configuration says (`use_attention_mask`).
        cut: what it says of padding becomes zeros (Wan).
        counted_padding: so many tokens of padding after each text count for the denoiser as those of the text.
        clean: makes of each text the one that is read. template: stands around it, with "{}" in its place. drop: so many tokens at
            the beginning are the template's, and are read, but not handed on; with `to_longest`, the rest of each text then stands
            at the left, with zeros for padding behind it.
        chat: makes of a text the messages that the tokenizer writes by its chat template. chat_options: of that.
        image_template: stands before the text for each image that is read with it, with "{}" for its number. image_area: about how many
            pixels such an image has; 0 is as many as where it is a reference.
        layers: hidden states that are joined along the width in place of one, counted from the first; with `stacked` they have an axis
            of their own, `[b, tokens, layers, width]`, and are those of all layers where none is named. suffix: is read behind the padding.
        places_axes: the encoder is told the place of each token, among which padding has none; along so many axes, of encoders with eyes
            three. reads: takes hidden states and pooled vector from what the encoder returns, of classes whose outputs are of their own.
        hands_mask: which tokens count is handed on, though the encoder is not told.
        prompt: number of the field of the group "prompts" whose text it reads, from 0; None is its own place among the
            encoders. Where the family has no such field, or nobody gives it, the first is read.
        instruction: stands before every text but negative ones. hides_instruction: what is said of it is not handed on, but for its
            first token, and its tokens do not count among those that there are.
        quiet: an empty text is not read: zeros stand for what would be said of it, and none of its tokens counts. Others are read each by itself.
        padding_side: where padding stands; "" is the tokenizer's own side. pads_with_end: padding is the token of the end.
    """

    hidden_state: int | None = -2
    pooled: bool = False
    hidden: bool = True
    normed: bool = False
    pooled_name: Literal["text_embeds", "pooler_output"] = "text_embeds"
    tokens: Literal["own", "asked", "longest"] | int = "own"
    most: int = 0
    negative_tokens: Literal["own", "positive"] = "own"
    masked: bool | None = False
    cut: bool = False
    counted_padding: int = 0
    clean: Callable[[str], str] | None = None
    to_longest: bool = False
    template: str = "{}"
    drop: int = 0
    chat: Callable[[str], list[dict[str, Any]]] | None = None
    chat_options: Mapping[str, Any] = field(factory=dict)
    image_template: str = ""
    image_area: int = 0
    layers: tuple[int, ...] = ()
    stacked: bool = False
    suffix: str = ""
    places_axes: int = 0
    reads: Callable[[Any], Encoded] | None = None
    hands_mask: bool = False
    prompt: int | None = None
    multiple: int = 0
    instruction: str = ""
    hides_instruction: bool = False
    padding_side: Literal["", "left", "right"] = ""
    pads_with_end: bool = False
    quiet: bool = False

    @property
    def can_skip(self) -> bool:
        """Whether `clip_skip` is of this encoder: its output, without the final norm that made it, stands for no other layer."""
        layer = self.hidden and not self.reads_layers and self.reads is None
        return layer and (self.hidden_state is not None or self.normed)

    @property
    def reads_layers(self) -> bool:
        """Whether several hidden states are read."""
        return bool(self.layers) or self.stacked

    @property
    def reads_alone(self) -> bool:
        """Whether a text is read by itself, as its tokenizer pads it, and one hidden state of it counts: then its words can have weights."""
        within = self.instruction or self.chat or self.template != "{}" or self.suffix
        return not (within or self.reads_layers or self.multiple or self.pads_with_end or self.quiet)

    @property
    def last(self) -> int:
        """The hidden state that is read without `clip_skip`, or whose norm is the encoder's output."""
        return -1 if self.hidden_state is None else self.hidden_state

    @property
    def length(self) -> tuple[int | None, Literal["max_length", "longest"]]:
        """How many tokens there are at most, None for the tokenizer's length, and what texts are padded to."""
        if self.tokens == "longest":
            return self.most + self.drop if self.most else None, "longest"
        known = self.tokens + self.drop if isinstance(self.tokens, int) else None
        return known, "longest" if self.to_longest else "max_length"

    def written(self, text: str, images: int = 0) -> str:
        """Return a text as it is read, after so many images."""
        seen = "".join(self.image_template.format(number) for number in range(1, images + 1))
        return self.template.format(seen + (text if self.clean is None else self.clean(text)))

    def field_of(self, place: int, fields: int) -> int:
        """Return the number of the prompt that the encoder at a place reads, of so many that the family has."""
        number = place if self.prompt is None else self.prompt
        return number if number < fields else 0

    def skipping(self, layers: int | None) -> TextEncoding:
        """Return the same for a hidden state some layers earlier, where layers of the encoder can be skipped."""
        # The encoder's own output is asked for where nothing is skipped: it is the one with the norm in it.
        if not layers or not self.can_skip:
            return self
        return evolve(self, hidden_state=self.last - layers)

    def of_length(self, asked: int | None) -> TextEncoding:
        """Return the same with a number of tokens in place of "asked"."""
        return evolve(self, tokens=asked or "own") if self.tokens == "asked" else self

    def beside(self, tokens: int) -> TextEncoding:
        """Return how negative prompts are read beside positive embeddings of a number of tokens."""
        alone = evolve(self, instruction="") if self.instruction else self
        return evolve(alone, tokens=tokens) if self.negative_tokens == "positive" else alone

    def handed_on(self, said: Encoded) -> Encoded:
        """Return what is handed on of what an encoder says: without an instruction that is hidden."""
        if not (self.instruction and self.hides_instruction and isinstance(self.tokens, int)) or said.hidden is None:
            return said
        kept = [0, *range(1 - self.tokens, 0)]
        mask = None if said.mask is None else said.mask[:, kept]
        return evolve(said, hidden=said.hidden[:, kept], mask=mask)


@frozen(eq=False)
class Encoded:
    """What one text encoder says of a batch of texts.

    Attributes:
        hidden: hidden states `[b, tokens, width]`. pooled: one vector per text, `[b, width]`.
        mask: `[b, tokens]`, 1 for tokens that count and 0 for padding; where the encoder is told it, or what it says of padding
            is cut: for denoisers that are told it, too.
    """

    hidden: Tensor | None = None
    pooled: Tensor | None = None
    mask: Tensor | None = None


def said_of_texts(encoder: TextEncoder, read: Tokens, encoding: TextEncoding) -> Encoded:
    """Return what a text encoder says of texts, of which it is quiet of empty ones where the encoding says so."""
    if not encoding.quiet:
        return said_of(encoder, read.ids, read.mask, encoding)
    import torch

    width = encoder.config.hidden_size
    nothing = torch.zeros(1, read.ids.shape[1], width, dtype=encoder.dtype, device=encoder.device)
    rows = [
        said_of(encoder, read.ids[i : i + 1], read.mask[i : i + 1], encoding)
        if text
        else Encoded(nothing, mask=torch.zeros_like(read.mask[i : i + 1], device=encoder.device))
        for i, text in enumerate(read.texts)
    ]
    hidden, masks = [each.hidden for each in rows], [each.mask for each in rows]
    return Encoded(torch.cat(hidden), mask=torch.cat(masks))  # type: ignore[arg-type]  # neither is None


def said_of(
    encoder: TextEncoder,
    ids: Tensor,
    there: Tensor,
    encoding: TextEncoding,
    read: Tensor | None = None,
    beside: Mapping[str, Tensor] | None = None,
) -> Encoded:
    """Return what a text encoder says of tokens.

    Args:
        ids, there: tokens, and which of them are no padding, each `[b, tokens]`. read: which of them the encoder may look at, where
            that is not what the encoding says. beside: further arguments, of encoders that see images.
    """
    # Few configurations have the entry, and without it no encoder is told.
    masked = getattr(encoder.config, "use_attention_mask", False) if encoding.masked is None else encoding.masked
    mask = there.to(encoder.device) if masked or encoding.cut or encoding.drop or encoding.hands_mask else None
    told: dict[str, Any] = {"attention_mask": mask} if masked else {}
    if read is not None:
        told["attention_mask"] = read.to(encoder.device) if mask is None else mask * read.to(encoder.device)
    picks = encoding.hidden and (encoding.hidden_state is not None or encoding.reads_layers)
    if picks:
        told["output_hidden_states"] = True
    if encoding.places_axes and mask is not None:
        places = (mask.cumsum(dim=-1) - 1).clamp(min=0)
        # Those of text are alike along all axes.
        told["position_ids"] = places if encoding.places_axes == 1 else places.expand(encoding.places_axes, -1, -1)
    for name, value in (beside or {}).items():
        told[name] = value.to(encoder.device)
    output = call_network(encoder, ids.to(encoder.device), **told)
    if encoding.reads is not None:
        return evolve(encoding.reads(output), mask=mask)
    pooled = getattr(output, encoding.pooled_name) if encoding.pooled else None
    hidden = _hidden(encoder, output, encoding, mask) if encoding.hidden else None
    if mask is not None and encoding.counted_padding:
        mask = with_padding(mask, encoding.counted_padding)
    if mask is not None and hidden is not None and encoding.drop:
        if encoding.to_longest:
            hidden, mask = without_template(hidden, mask, encoding.drop)
        else:
            # In one piece: of parts of rows, sums in half precision round otherwise.
            hidden, mask = hidden[:, encoding.drop :].contiguous(), mask[:, encoding.drop :]
    return encoding.handed_on(Encoded(hidden, pooled, mask))


def _hidden(encoder: TextEncoder, output: Any, encoding: TextEncoding, mask: Tensor | None) -> Tensor:
    """Return the hidden states that are read, `[b, tokens, width]`."""
    if encoding.reads_layers:
        import torch

        every: Sequence[Tensor] = output.hidden_states
        # The first are the embeddings.
        states = [every[layer] for layer in encoding.layers or range(1, len(every))]
        return torch.stack(states, dim=2) if encoding.stacked else torch.cat(states, dim=-1)
    if encoding.hidden_state is None:
        # Of a CLIP with a projection, the vector comes first.
        own: Tensor | None = getattr(output, "last_hidden_state", None)
        hidden: Tensor = output[0] if own is None else own
    else:
        hidden = output.hidden_states[encoding.hidden_state]
    if encoding.hidden_state is not None and encoding.normed:
        hidden = call_network(final_norm(encoder), hidden)
    if encoding.cut and mask is not None:
        hidden = hidden.masked_fill(mask[..., None] == 0, 0)
    return hidden


def final_norm(encoder: Any) -> Any:
    """Return the norm after the last layer of a text encoder of transformers."""
    # Its path is "text_model.final_layer_norm" in transformers 5.0, and "final_layer_norm" in 5.23 (`CLIPTextModel`).
    return next(module for path, module in encoder.named_modules() if path.endswith("final_layer_norm"))


def joined_by_width(encoded: Sequence[Encoded | None]) -> dict[str, Tensor | None]:
    """Join hidden states by width, as SDXL does (Podell et al. 2023, section 2.1); the last pooled vector and the last mask count.

    Args:
        encoded: of each encoder, in the family's order; None for one that is not there.
    """
    import torch

    there = [each for each in encoded if each is not None]
    hidden = [each.hidden for each in there if each.hidden is not None]
    pooled = [None, *(each.pooled for each in there if each.pooled is not None)]
    masks = [None, *(each.mask for each in there if each.mask is not None)]
    return {"hidden": torch.cat(hidden, dim=-1) if hidden else None, "pooled": pooled[-1], "mask": masks[-1]}


def without_template(hidden: Tensor, mask: Tensor, drop: int) -> tuple[Tensor, Tensor]:
    """Return hidden states `[b, tokens, width]` of each text without its first tokens and without padding, filled up with zeros, and their mask.

    Args:
        mask: `[b, tokens]`, 0 for padding, which may be on either side. drop: so many tokens.
    """
    import torch

    rows = [states[there.bool()][drop:] for states, there in zip(hidden, mask, strict=True)]
    counts = torch.tensor([[len(row)] for row in rows], device=mask.device)
    filled = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    return filled, (torch.arange(filled.shape[1], device=mask.device) < counts).to(mask.dtype)


def with_padding(mask: Tensor, tokens: int) -> Tensor:
    """Return a mask `[b, tokens]` in which so many tokens of the padding after each text count, too."""
    import torch

    counted = mask.sum(dim=1, keepdim=True) + tokens
    return (torch.arange(mask.shape[1], device=mask.device) < counted).to(mask.dtype)


def joined_by_tokens(
    encoded: Sequence[Encoded | None], denoiser: Denoiser | None, rows: int, tokens: int
) -> dict[str, Tensor | None]:
    """Join hidden states of CLIPs by width, and with those of a T5, which comes last, by tokens; pooled vectors by width.

    The CLIPs' are padded with zeros to the T5's width; where there is no T5, zeros stand in its place (Esser et al. 2024,
    https://arxiv.org/abs/2403.03206, sections 4.1 and 5.3).

    Args:
        denoiser: its configuration says how wide the zeros are (`joint_attention_dim`). rows: texts. tokens: of the T5.

    Raises:
        ComponentError: there is neither a T5 nor a denoiser.
    """
    import torch

    *clips, long = encoded
    there = [each for each in clips if each is not None]
    clip = torch.cat([each.hidden for each in there if each.hidden is not None], dim=-1)
    pooled = torch.cat([each.pooled for each in there if each.pooled is not None], dim=-1)
    if long is not None and long.hidden is not None:
        hidden = long.hidden
    elif denoiser is not None:
        hidden = clip.new_zeros(rows, tokens, denoiser.config.joint_attention_dim)
    else:
        raise ComponentError(
            "The last text encoder is none, and zeros stand in its place; how wide they are says the configuration of the "
            "denoiser, which is not there. Load one of the two."
        )
    clip = torch.nn.functional.pad(clip, (0, hidden.shape[-1] - clip.shape[-1]))
    return {"hidden": torch.cat([clip, hidden], dim=-2), "pooled": pooled}
