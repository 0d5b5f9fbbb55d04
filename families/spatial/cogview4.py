"""What is particular to CogView4 (Zhipu AI 2025, https://huggingface.co/zai-org/CogView4-6B)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ...guiders import ClassifierFreeGuidance
from ...registry import families
from ...state.vocabulary import TimeIds
from ...state.written_constants import note_constant
from ..contract import ConditioningField, RoleComponent, TextEncoding
from ..layers import Layer
from ..packing import CHANNELS
from ..shared_fields import EXTRA_CHANNELS, PROMPT
from .latent_transformer import Float32Latents, LatentTransformer
from .masked_text import HIDDEN

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Autoencoder, Denoiser, Scheduler

_BOTH = ("hidden_states", "encoder_hidden_states")
_SIZES = "@sizes"
"""Where `predict` finds what the transformer is told in three arguments."""


@frozen
class CogView4Contract(Float32Latents, LatentTransformer):
    """A GLM; a transformer that is told sizes and crops."""

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the transformer in its own dtype, that of its text, with original size, crop and target size; channels of a control image lie behind those of the latents."""
        import torch

        original, crop, target = kwargs[_SIZES].split(2, dim=1)
        told = {"original_size": original, "crop_coords": crop, "target_size": target}
        told |= {name: value for name, value in kwargs.items() if name not in (_SIZES, CHANNELS)}
        given = torch.cat([latents, kwargs[CHANNELS]], dim=1) if CHANNELS in kwargs else latents
        return super().predict(denoiser, given.to(kwargs["encoder_hidden_states"].dtype), t, told)

    def schedule(self, scheduler: Scheduler, steps: int, shape: tuple[int, ...] | None) -> dict[str, Any]:
        """Return whole timesteps, which the transformer is told as they are, sigmas of them, and a shift of these by the root of the number of tokens."""
        import numpy as np

        config = scheduler.config
        timesteps = np.linspace(config.num_train_timesteps, 1.0, steps).astype(np.int64).astype(np.float32)
        made: dict[str, Any] = {"timesteps": timesteps, "sigmas": timesteps / config.num_train_timesteps}
        if shape is not None and config.get("use_dynamic_shifting", False):
            root = (shape[-2] * shape[-1] // 4 / config.get("base_image_seq_len", 256)) ** 0.5
            made["mu"] = root * config.get("max_shift", 0.75) + config.get("base_shift", 0.25)
        return made

    def size_ids(self, denoiser: Denoiser, sizes: Sequence[tuple[float, ...]], pooled_width: int) -> list[float]:  # noqa: ARG002 - it has none
        """Return original size, crop and target size."""
        return [number for size in sizes for number in size]

    def latent_channels(self, denoiser: Denoiser, vae: Autoencoder) -> int:  # noqa: ARG002 - the denoiser may read an image beside
        """Return the VAE's."""
        return self.vae_channels(vae)

    def layers(self, denoiser: Any) -> list[Layer]:
        """Return the blocks, which read text and image."""
        return [
            Layer(f"transformer_blocks.{i}", block, _BOTH, _BOTH) for i, block in enumerate(denoiser.transformer_blocks)
        ]

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return the width of texts."""
        return {"hidden": denoiser.config.text_embed_dim}


_TIME_IDS = ConditioningField("add_time_ids", "negative_add_time_ids", TimeIds, argument=_SIZES)

COGVIEW4 = CogView4Contract(
    name="cogview4",
    prefix="CogView4",
    roles={
        "denoiser": (RoleComponent("transformer", "diffusers:CogView4Transformer2DModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKL"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:FlowMatchEulerDiscreteScheduler"),),
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 5.0}),),
        "tokenizers": (RoleComponent("tokenizer", "transformers:PreTrainedTokenizerFast"),),
        "text_encoders": (RoleComponent("text_encoder", "transformers:GlmModel"),),
    },
    groups={
        "denoiser_input_fields": (HIDDEN, _TIME_IDS),
        "prompt_embeds": (HIDDEN,),
        "sizes": (_TIME_IDS,),
        "prompts": (PROMPT,),
    },
    text_encodings=(TextEncoding(hidden_state=-2, tokens="asked", to_longest=True, multiple=16, padding_side="left"),),
    max_sequence_length=1024,
    size_multiple=16,
    image_multiple=16,
    zeros_for_empty_prompt=False,
    flow=True,
    schedule_reads_size=True,
    # The encoder is not told which tokens are padding, of which there are as many as the longest prompt of the batch asks for.
    rows_independent=False,
    attention_argument="attention_kwargs",
    lora_loader="diffusers.loaders:CogView4LoraLoaderMixin",
    accepts={"vae": ("AutoencoderKL", "AutoencoderTiny")},
    classic_pipeline="CogView4Pipeline",
)
"""The contract of CogView4."""

_CONTROL = evolve(EXTRA_CHANNELS, required=True, shared=True)

COGVIEW4_CONTROL = evolve(
    COGVIEW4,
    name="cogview4-control",
    prefix="CogView4Control",
    groups={
        **COGVIEW4.groups,
        "denoiser_input_fields": (HIDDEN, _TIME_IDS, _CONTROL),
        "extra_channels": (_CONTROL,),
    },
    draws_control=False,
    classic_pipeline="CogView4ControlPipeline",
)
"""The contract of CogView4 with a control image, whose latents it reads beside its own."""

for _name in ("COGVIEW4", "COGVIEW4_CONTROL"):
    families.register(globals()[_name].name, f"{__name__}:{_name}")
    note_constant(globals()[_name], f"{__name__}.{_name}")
