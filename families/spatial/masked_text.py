"""What transformers are told that read text beside a mask of its tokens, and how what they read is written."""

from __future__ import annotations

from ...state.vocabulary import NegativePromptMask, PromptMask
from ..contract import ConditioningField
from ..flow import TEXT_FIELDS

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


def lowered(text: str) -> str:
    """Return a text in small letters, without spaces around it, as the captions were in training."""
    return text.lower().strip()
