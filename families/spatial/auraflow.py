"""What is particular to AuraFlow (Cloneofsimo and Fal 2024, https://huggingface.co/fal/AuraFlow)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...guiders import ClassifierFreeGuidance
from ...registry import families
from ...state.written_constants import note_constant
from ..contract import RoleComponent, TextEncoding
from ..layers import Layer
from ..shared_fields import PROMPT
from .latent_transformer import LatentTransformer
from .masked_text import HIDDEN

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Autoencoder, Denoiser

_BOTH = ("encoder_hidden_states", "hidden_states")


@frozen
class AuraFlowContract(LatentTransformer):
    """A UMT5 whose padding is zeros; a transformer that is told a timestep in 0..1."""

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the transformer with the share of noise."""
        return super().predict(denoiser, latents, (t / 1000).to(latents.dtype), kwargs)

    def default_size(self, denoiser: Denoiser, vae: Autoencoder) -> int:  # noqa: ARG002 - trained further than it says
        """Return the side of a megapixel."""
        return 128 * self.vae_scale_factor(vae)

    def layers(self, denoiser: Any) -> list[Layer]:
        """Return blocks of text and image first, then those of both in one."""
        stacks = {"joint_transformer_blocks": _BOTH, "single_transformer_blocks": _BOTH[1:]}
        return [
            Layer(f"{name}.{i}", block, returns)
            for name, returns in stacks.items()
            for i, block in enumerate(getattr(denoiser, name))
        ]

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return the width of captions."""
        return {"hidden": denoiser.config.joint_attention_dim}


AURAFLOW = AuraFlowContract(
    name="auraflow",
    prefix="AuraFlow",
    roles={
        "denoiser": (RoleComponent("transformer", "diffusers:AuraFlowTransformer2DModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKL"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:FlowMatchEulerDiscreteScheduler"),),
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 3.5}),),
        "tokenizers": (RoleComponent("tokenizer", "transformers:PreTrainedTokenizerFast"),),
        "text_encoders": (RoleComponent("text_encoder", "transformers:UMT5EncoderModel"),),
    },
    groups={"denoiser_input_fields": (HIDDEN,), "prompt_embeds": (HIDDEN,), "prompts": (PROMPT,)},
    text_encodings=(
        TextEncoding(hidden_state=None, tokens="asked", negative_tokens="positive", masked=True, cut=True),
    ),
    max_sequence_length=256,
    size_multiple=16,
    image_multiple=16,
    zeros_for_empty_prompt=False,
    flow=True,
    upcasts_vae=True,
    attention_argument="attention_kwargs",
    lora_loader="diffusers.loaders:AuraFlowLoraLoaderMixin",
    accepts={"vae": ("AutoencoderKL", "AutoencoderTiny", "AsymmetricAutoencoderKL")},
    classic_pipeline="AuraFlowPipeline",
)
"""The contract of AuraFlow."""

families.register(AURAFLOW.name, f"{__name__}:AURAFLOW")
note_constant(AURAFLOW, f"{__name__}.AURAFLOW")
