"""What is particular to Z-Image and Z-Image-Turbo (Tongyi-MAI 2025, https://arxiv.org/abs/2511.22699)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ...engine.network_calls import call_network
from ...guiders import ClassifierFreeGuidance
from ...registry import families
from ...state.written_constants import note_constant
from ..contract import RoleComponent, TextEncoding
from ..flow import FlowContract, shift_of_tokens
from ..layers import Layer
from ..shared_fields import PROMPT
from .latent_transformer import Float32Latents
from .masked_text import HIDDEN, MASK

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Autoencoder, Denoiser, Scheduler

_COUNTED = "@counted"
"""Where `predict` finds which tokens of the text count; the transformer itself is given no others."""


@frozen
class ZImageContract(Float32Latents, FlowContract):
    """A Qwen3 that reads the prompt as a message; a transformer that takes a list of images and one of texts."""

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the transformer with lists and the share of noise that is gone; it predicts the flow towards the image, in float32."""
        import torch

        told = dict(kwargs)
        texts, counted = told.pop("cap_feats"), told.pop(_COUNTED)
        rows = [text[count.bool()] for text, count in zip(texts, counted, strict=True)]
        images = list(latents.to(texts.dtype).unsqueeze(2).unbind())
        time = (1000 - t.expand(latents.shape[0])) / 1000
        # Its rows are no tensor, so that calls of several runs are not merged.
        found = call_network(denoiser, images, time, rows, **told, return_dict=False)[0]
        return -torch.stack([each.float() for each in found]).squeeze(2)

    def schedule(self, scheduler: Scheduler, steps: int, shape: tuple[int, ...] | None) -> dict[str, Any]:
        """Return even sigmas down to 1/steps, rounded as diffusers rounds them, and a shift by the number of tokens."""
        import torch

        sigmas = {"sigmas": torch.linspace(1.0, 1 / steps, steps).tolist()}
        shift = {} if shape is None else shift_of_tokens(scheduler, (shape[-2] // 2) * (shape[-1] // 2))
        return {**({} if scheduler.config.get("use_flow_sigmas") else sigmas), **shift}

    def default_size(self, denoiser: Denoiser, vae: Autoencoder) -> int:  # noqa: ARG002 - its configuration says none
        """Return the side of a megapixel."""
        return 128 * self.vae_scale_factor(vae)

    def layers(self, denoiser: Any) -> list[Layer]:
        """Return the blocks that read text and image."""
        return [Layer(f"layers.{i}", block) for i, block in enumerate(denoiser.layers)]

    def predicted_channels(self, denoiser: Denoiser) -> int | None:
        """Return the channels that it reads."""
        return int(denoiser.config.in_channels)

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return the width of captions."""
        return {"hidden": denoiser.config.cap_feat_dim}


def _as_message(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


_TEXT = (evolve(HIDDEN, argument="cap_feats"), evolve(MASK, argument=_COUNTED))

Z_IMAGE = ZImageContract(
    name="z-image",
    prefix="ZImage",
    roles={
        "denoiser": (RoleComponent("transformer", "diffusers:ZImageTransformer2DModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKL"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:FlowMatchEulerDiscreteScheduler"),),
        "guider": (
            RoleComponent(
                "guider", ClassifierFreeGuidance, config={"guidance_scale": 5.0, "use_original_formulation": True}
            ),
        ),
        "tokenizers": (RoleComponent("tokenizer", "transformers:PreTrainedTokenizerFast"),),
        "text_encoders": (RoleComponent("text_encoder", "transformers:Qwen3Model"),),
    },
    groups={"denoiser_input_fields": _TEXT, "prompt_embeds": _TEXT, "prompts": (PROMPT,)},
    text_encodings=(
        TextEncoding(
            hidden_state=-2,
            tokens="asked",
            masked=True,
            chat=_as_message,
            chat_options={"add_generation_prompt": True, "enable_thinking": True},
        ),
    ),
    max_sequence_length=512,
    size_multiple=16,
    image_multiple=16,
    zeros_for_empty_prompt=False,
    flow=True,
    schedule_reads_size=True,
    truncates_start=True,
    defaults={"SetSizedPartialTimesteps.strength": 0.6, "SetSizedInpaintTimesteps.strength": 1.0},
    attention_argument="joint_attention_kwargs",
    lora_loader="diffusers.loaders:ZImageLoraLoaderMixin",
    accepts={"vae": ("AutoencoderKL", "AutoencoderTiny")},
    classic_pipeline="ZImagePipeline",
    modular_pipeline="ZImageModularPipeline",
    modular_blocks="ZImageAutoBlocks",
)
"""The contract of Z-Image and Z-Image-Turbo."""

families.register(Z_IMAGE.name, f"{__name__}:Z_IMAGE")
note_constant(Z_IMAGE, f"{__name__}.Z_IMAGE")
