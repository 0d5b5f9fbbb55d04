"""What transformers are told that read text beside a mask of its tokens."""

from __future__ import annotations

from ...state.vocabulary import NegativePromptEmbeds, NegativePromptMask, PromptEmbeds, PromptMask
from ..contract import ConditioningField

MASKED_TEXT = (
    ConditioningField(
        "prompt_embeds",
        "negative_prompt_embeds",
        PromptEmbeds,
        NegativePromptEmbeds,
        argument="encoder_hidden_states",
        source="hidden",
    ),
    ConditioningField(
        "prompt_attention_mask",
        "negative_prompt_attention_mask",
        PromptMask,
        NegativePromptMask,
        argument="encoder_attention_mask",
        source="mask",
    ),
)
"""Hidden states of text, and which of its tokens count."""


def lowered(text: str) -> str:
    """Return a text in small letters, without spaces around it, as the captions were in training."""
    return text.lower().strip()
