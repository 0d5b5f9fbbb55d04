"""What several families tell their denoisers, or read: fields of conditioning that are the same in each."""

from __future__ import annotations

from ..state.vocabulary import (
    ExtraChannels,
    ImagePromptEmbeds,
    KeptFrames,
    NegativePrompt,
    Prompt,
    ReferenceLatents,
    SecondNegativePrompt,
    SecondPrompt,
    SeenImage,
    SeveralReferences,
    ToldFrameRate,
)
from .contract import ConditioningField
from .packing import CHANNELS, KEPT, RATE, TOKENS

PROMPT = ConditioningField("prompt", "negative_prompt", Prompt, NegativePrompt)
"""The text."""

PROMPT_2 = ConditioningField("prompt_2", "negative_prompt_2", SecondPrompt, SecondNegativePrompt, required=False)
"""The text for the second encoder, where it is another one."""

JOINT_IMAGE_PROMPT = ConditioningField(
    "ip_adapter_embeds",
    "negative_ip_adapter_embeds",
    ImagePromptEmbeds,
    argument="joint_attention_kwargs.ip_adapter_image_embeds",
    required=False,
)
"""What IP-Adapters of transformers are told of images."""

EXTRA_CHANNELS = ConditioningField(
    "extra_channels", "negative_extra_channels", ExtraChannels, argument=CHANNELS, required=False, kind="image"
)
"""Images in further channels."""

SEEN_IMAGE = ConditioningField(
    "seen_image", "negative_seen_image", SeenImage, required=False, shared=True, kind="image"
)
"""What an encoder sees in the image that videos begin with."""

REFERENCES = ConditioningField(
    "reference_latents", "negative_reference_latents", SeveralReferences, argument=TOKENS, required=False, kind="image"
)
"""Several images, each of its own size, in further tokens."""

REFERENCE = ConditioningField(
    "reference_latents", "negative_reference_latents", ReferenceLatents, argument=TOKENS, required=False, kind="image"
)
"""Images in further tokens."""

KEPT_FRAMES = ConditioningField(
    "kept_frames", "negative_kept_frames", KeptFrames, argument=KEPT, required=False, shared=True
)
"""How many latents along time are given, and have no noise."""

TOLD_FRAME_RATE = ConditioningField(
    "told_frame_rate", "negative_told_frame_rate", ToldFrameRate, argument=RATE, required=False, shared=True
)
"""How many frames a second has, of denoisers that are told it."""
