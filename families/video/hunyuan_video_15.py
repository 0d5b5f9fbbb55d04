"""What is particular to HunyuanVideo 1.5 (Wu et al. 2025, https://arxiv.org/abs/2511.18870)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import evolve, frozen

from ...guiders import ClassifierFreeGuidance
from ...registry import families
from ...state.written_constants import note_constant
from ..contract import RoleComponent, TextEncoding
from ..packing import CHANNELS
from ..shared_fields import EXTRA_CHANNELS, PROMPT, SEEN_IMAGE
from ..spatial.masked_text import HIDDEN, MASK, SECOND_HIDDEN, SECOND_MASK, TextsApart
from .hunyuan_video import ASPECTS, FilmContract

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Autoencoder, Denoiser

INSTRUCTION = "".join(
    [
        "You are a helpful assistant. Describe the video by detailing the following aspects:",
        *(f"{' ' * 9}{each}" for each in ASPECTS),
    ]
)
"""What the language model is told before a prompt, with the spaces of its training."""

_QUOTED = re.compile(r'"(.*?)"|“(.*?)”')
_SEEN_TOKENS = 729
"""Tokens in which the encoder of images says what it sees."""


def asked(text: str) -> list[dict[str, Any]]:
    """Return the messages in which a text is told to the language model."""
    return [{"role": "system", "content": INSTRUCTION}, {"role": "user", "content": text or " "}]


def glyphs(text: str) -> str:
    """Return what a text wants to be written in the video, each once; nothing where nothing of it is quoted.

    Example:
        >>> glyphs('A board with "Open" and “24 h”')
        'Text "Open". Text "24 h". '
    """
    found = dict.fromkeys(one or other for one, other in _QUOTED.findall(text))
    return "".join(f'Text "{each}". ' for each in found)


@frozen
class HunyuanVideo15Contract(TextsApart, FilmContract):
    """A Qwen2.5-VL behind an instruction, a ByT5 that reads what is to be written in the video; a transformer that may see an image."""

    masks: ClassVar[tuple[str, ...]] = (MASK.argument, "encoder_attention_mask_2")
    # The attention of diffusers' VAE (0.42.1) fails with more: its mask has an axis too few.
    videos_at_once: ClassVar[int | None] = 1
    draws_start: ClassVar[bool] = False
    scales_start_first: ClassVar[bool] = True
    marks_start: ClassVar[bool] = True
    crops_start: ClassVar[bool] = True
    seen_state: ClassVar[int | None] = None
    next_time: ClassVar[str] = "timestep_r"

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the transformer with the channels of an image, and of the mark that it is given, behind those of the latents."""
        import torch

        told = {name: value for name, value in kwargs.items() if name != CHANNELS}
        return super().predict(denoiser, torch.cat([latents, kwargs[CHANNELS]], dim=1), t, told)

    def static_kwargs(self, denoiser: Denoiser, latents: Tensor, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return zeros in the place of an image that is not given."""
        rows, channels, *sides = latents.shape
        text, told = kwargs["encoder_hidden_states"], {}
        if CHANNELS not in kwargs:
            told[CHANNELS] = latents.new_zeros(rows, channels + 1, *sides)
        if _SEEN.argument not in kwargs:
            told[_SEEN.argument] = text.new_zeros(rows, _SEEN_TOKENS, denoiser.config.image_embed_dim)
        return told

    def reads_next_time(self, denoiser: Denoiser) -> bool:
        """Return whether it was trained to go to any other noise level in a step."""
        return bool(denoiser.config.use_meanflow)

    def default_size(self, denoiser: Denoiser, vae: Autoencoder) -> int:  # noqa: ARG002 - in pixels
        """Return the side of a square of as many pixels as its videos of training had."""
        return int(denoiser.config.target_size)

    def default_sides(self, side: int) -> tuple[int, int]:
        """Return height and width of 16:9."""
        return self._of_ratio(side, 9, 16)

    def trained_size(self, denoiser: Denoiser, height: int, width: int) -> tuple[int, int]:
        """Return the size of the nearest ratio."""
        return self._of_ratio(denoiser.config.target_size, height, width)

    def _of_ratio(self, side: int, height: int, width: int) -> tuple[int, int]:
        from diffusers.pipelines.hunyuan_video1_5.image_processor import HunyuanVideo15ImageProcessor as Sizes

        known = Sizes(vae_scale_factor=self.size_multiple)
        found = known.calculate_default_height_width(height, width, side)
        return int(found[0]), int(found[1])

    def read_channels(self, denoiser: Denoiser) -> int | None:
        """Return what the transformer's configuration says, without the zeros where no image is given."""
        reads = super().read_channels(denoiser)
        return reads if reads is None or self.fields("extra_channels") else reads // 2

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return the widths of what the encoders say."""
        return {"hidden": denoiser.config.text_embed_dim, "second hidden": denoiser.config.text_embed_2_dim}


_TEXT = (
    HIDDEN,
    evolve(MASK, positive="prompt_embeds_mask", negative="negative_prompt_embeds_mask"),
    evolve(SECOND_HIDDEN, argument="encoder_hidden_states_2"),
    evolve(
        SECOND_MASK,
        positive="prompt_embeds_mask_2",
        negative="negative_prompt_embeds_mask_2",
        argument="encoder_attention_mask_2",
    ),
)
_SEEN = evolve(SEEN_IMAGE, argument="image_embeds")
_BESIDE = evolve(EXTRA_CHANNELS, required=True, shared=True)

HUNYUAN_VIDEO_15 = HunyuanVideo15Contract(
    name="hunyuan-video-1.5",
    prefix="HunyuanVideo15",
    roles={
        "denoiser": (RoleComponent("transformer", "diffusers:HunyuanVideo15Transformer3DModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKLHunyuanVideo15"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:FlowMatchEulerDiscreteScheduler"),),
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 6.0}),),
        "tokenizers": (
            RoleComponent("tokenizer", "transformers:Qwen2Tokenizer", optional=True),
            RoleComponent("tokenizer_2", "transformers:ByT5Tokenizer", optional=True),
        ),
        "text_encoders": (
            RoleComponent("text_encoder", "transformers:Qwen2_5_VLTextModel", optional=True),
            RoleComponent("text_encoder_2", "transformers:T5EncoderModel", optional=True),
        ),
    },
    groups={"denoiser_input_fields": _TEXT, "prompt_embeds": _TEXT, "prompts": (PROMPT,)},
    text_encodings=(
        TextEncoding(
            hidden_state=-3,
            tokens="asked",
            masked=True,
            chat=asked,
            chat_options={"add_generation_prompt": True},
            drop=108,
        ),
        TextEncoding(hidden_state=None, tokens=256, masked=True, clean=glyphs, quiet=True),
    ),
    max_sequence_length=1000,
    size_multiple=16,
    image_multiple=16,
    zeros_for_empty_prompt=False,
    flow=True,
    # The transformer looks whether all rows see no image.
    rows_independent=False,
    attention_argument="attention_kwargs",
    lora_loader="diffusers.loaders:HunyuanVideoLoraLoaderMixin",
    defaults={"num_frames": 121, "SetPartialTimesteps.strength": 0.8},
    classic_pipeline="HunyuanVideo15Pipeline",
    modular_pipeline="HunyuanVideo15ModularPipeline",
    modular_blocks="HunyuanVideo15AutoBlocks",
)
"""The contract of HunyuanVideo 1.5."""

HUNYUAN_VIDEO_15_IMAGE = evolve(
    HUNYUAN_VIDEO_15,
    name="hunyuan-video-1.5-image",
    prefix="HunyuanVideo15Image",
    roles={
        **HUNYUAN_VIDEO_15.roles,
        "image_encoder": (RoleComponent("image_encoder", "transformers:SiglipVisionModel", optional=True),),
        "feature_extractor": (RoleComponent("feature_extractor", "transformers:SiglipImageProcessor", optional=True),),
    },
    groups={
        **HUNYUAN_VIDEO_15.groups,
        "denoiser_input_fields": (*_TEXT, _BESIDE, _SEEN),
        "extra_channels": (_BESIDE,),
        "seen_image": (_SEEN,),
    },
    classic_pipeline="HunyuanVideo15ImageToVideoPipeline",
)
"""The contract of HunyuanVideo 1.5 that begins with an image, which it reads in channels beside the latents, and sees by SigLIP."""

for _name in ("HUNYUAN_VIDEO_15", "HUNYUAN_VIDEO_15_IMAGE"):
    families.register(globals()[_name].name, f"{__name__}:{_name}")
    note_constant(globals()[_name], f"{__name__}.{_name}")
