"""How the text encoders of a family are read, and how what they say is joined."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from attrs import evolve, field, frozen

from ..state import ComponentError

if TYPE_CHECKING:
    from torch import Tensor

    from .roles import Denoiser


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
        clean: makes of each text the one that is read.
        layers: hidden states that are joined along the width in place of one, counted from the first; with `stacked` they have an axis
            of their own, `[b, tokens, layers, width]`, and are those of all layers where none is named.
        chat: makes of a text the messages that the tokenizer writes by its chat template. chat_options: of that.
        prompt: number of the field of the group "prompts" whose text it reads, from 0; None is its own place among the
            encoders. Where the family has no such field, or nobody gives it, the first is read.
        instruction: stands before every text but negative ones. hides_instruction: what is said of it is not handed on, but for its
            first token, and its tokens do not count among those that there are.
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
    clean: Callable[[str], str] | None = None
    chat: Callable[[str], list[dict[str, Any]]] | None = None
    chat_options: Mapping[str, Any] = field(factory=dict)
    to_longest: bool = False
    multiple: int = 0
    layers: tuple[int, ...] = ()
    stacked: bool = False
    prompt: int | None = None
    instruction: str = ""
    hides_instruction: bool = False
    padding_side: Literal["", "left", "right"] = ""
    pads_with_end: bool = False

    @property
    def can_skip(self) -> bool:
        """Whether `clip_skip` is of this encoder: its output, without the final norm that made it, stands for no other layer."""
        return self.hidden and not (self.layers or self.stacked) and (self.hidden_state is not None or self.normed)

    @property
    def picks(self) -> bool:
        """Whether hidden states are read that are not the encoder's output."""
        return self.hidden and (self.hidden_state is not None or bool(self.layers) or self.stacked)

    def of_layers(self, states: Sequence[Tensor]) -> Tensor:
        """Return those of several layers in one, of an encoder's embeddings and all of its layers."""
        import torch

        read = [states[layer] for layer in self.layers or range(1, len(states))]
        return torch.stack(read, dim=2) if self.stacked else torch.cat(read, dim=-1)

    @property
    def reads_alone(self) -> bool:
        """Whether a text is read by itself, as its tokenizer pads it, and one hidden state of it counts: then its words can have weights."""
        return not (self.instruction or self.chat or self.layers or self.stacked or self.multiple or self.pads_with_end)

    @property
    def last(self) -> int:
        """The hidden state that is read without `clip_skip`, or whose norm is the encoder's output."""
        return -1 if self.hidden_state is None else self.hidden_state

    @property
    def length(self) -> tuple[int | None, Literal["max_length", "longest"]]:
        """How many tokens there are at most, None for the tokenizer's length, and what texts are padded to."""
        if self.tokens == "longest":
            return self.most or None, "longest"
        known = self.tokens if isinstance(self.tokens, int) else None
        return known, "longest" if self.to_longest else "max_length"

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
        mask: `[b, tokens]`, 1 for tokens of the text and 0 for padding; where the encoder is told it, or what it says of padding
            is cut: for denoisers that are told it, too.
    """

    hidden: Tensor | None = None
    pooled: Tensor | None = None
    mask: Tensor | None = None


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
