"""What transformers are told that read text beside a mask of its tokens, and how what they read is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...state.vocabulary import NegativePromptMask, PromptMask, SecondPromptEmbeds, SecondPromptMask
from ..contract import ConditioningField, Encoded
from ..flow import TEXT_FIELDS

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Denoiser

HIDDEN = TEXT_FIELDS[0]
"""Hidden states of text."""

MASK = ConditioningField(
    "prompt_attention_mask",
    "negative_prompt_attention_mask",
    PromptMask,
    NegativePromptMask,
    argument="encoder_attention_mask",
    source="mask",
)
"""Which of its tokens count."""

MASKED_TEXT = (HIDDEN, MASK)

SECOND_HIDDEN = ConditioningField(
    "prompt_embeds_2", "negative_prompt_embeds_2", SecondPromptEmbeds, source="second hidden"
)
"""Hidden states of a second encoder, by themselves."""

SECOND_MASK = ConditioningField(
    "prompt_attention_mask_2", "negative_prompt_attention_mask_2", SecondPromptMask, source="second mask"
)
"""Which of its tokens count."""


class TextsApart:
    """The part of a contract that says that a denoiser is told by itself what each of two encoders says, which it brings to one width."""

    __slots__ = ()

    def joined_texts(
        self,
        encoded: Sequence[Encoded | None],
        denoiser: Denoiser | None,  # noqa: ARG002 - others read these
        rows: int,  # noqa: ARG002
        tokens: int | None,  # noqa: ARG002
    ) -> Mapping[str, Tensor | None]:
        """Return the hidden states and masks of both, apart."""
        one, other = (each or Encoded() for each in encoded)
        return {"hidden": one.hidden, "mask": one.mask, "second hidden": other.hidden, "second mask": other.mask}

    def text_width(self, widths: Sequence[int | None]) -> int | None:
        """Return the width of the first's."""
        return widths[0]


def lowered(text: str) -> str:
    """Return a text in small letters, without spaces around it, as the captions were in training."""
    return text.lower().strip()
