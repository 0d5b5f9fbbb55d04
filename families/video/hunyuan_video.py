"""What is particular to HunyuanVideo (Kong et al. 2024, https://arxiv.org/abs/2412.03603)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from attrs import frozen

from ...guiders import EmbeddedGuidance
from ...registry import families
from ...state.written_constants import note_constant
from ..contract import RoleComponent, TextEncoding
from ..flow import STACKS, TEXT_FIELDS
from ..guidance_embedding import told_scales
from ..layers import Layer
from ..shared_fields import PROMPT, PROMPT_2
from ..spatial.latent_transformer import Float32Latents, LatentTransformer
from ..spatial.masked_text import MASK, MASKED_TEXT

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Autoencoder, Denoiser, Scheduler

_BOTH = ("hidden_states", "encoder_hidden_states")
ASPECTS = (
    "1. The main content and theme of the video.",
    "2. The color, shape, size, texture, quantity, text, and spatial relationships of the objects.",
    "3. Actions, events, behaviors temporal relationships, physical movement changes of the objects.",
    "4. background environment, light, style and atmosphere.",
    "5. camera angles, movements, and transitions used in the video.",
)
"""What language models are asked to describe of a prompt."""
INSTRUCTION = (
    "<|start_header_id|>system<|end_header_id|>\n\nDescribe the video by detailing the following aspects: "
    f"{''.join(ASPECTS).removesuffix('.')}:<|eot_id|>"
    "<|start_header_id|>user<|end_header_id|>\n\n{}<|eot_id|>"
)
"""What the language model is asked of a prompt."""


@frozen
class FilmContract(LatentTransformer):
    """Transformers that read text and video as one, and are told which tokens count, over a VAE of videos that says how much it compresses."""

    medium: ClassVar[Literal["image", "video"]] = "video"
    frame_rate: ClassVar[float] = 24.0

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the transformer in its own dtype, that of its text, with the timestep in the dtype of the latents."""
        dtype = kwargs["encoder_hidden_states"].dtype
        told = {name: value.to(dtype) if name in self.masks else value for name, value in kwargs.items()}
        return super().predict(denoiser, latents.to(dtype), t.to(latents.dtype), told)

    masks: ClassVar[tuple[str, ...]] = (MASK.argument,)
    """Arguments that are told in the dtype of text."""

    def schedule(self, scheduler: Scheduler, steps: int, shape: tuple[int, ...] | None) -> dict[str, Any]:  # noqa: ARG002 - of any size
        """Return even sigmas."""
        import numpy as np

        return {"sigmas": np.linspace(1.0, 0.0, steps + 1)[:-1]}

    def vae_scale_factor(self, vae: Autoencoder) -> int:
        """Return what the VAE says."""
        return int(vae.config.spatial_compression_ratio)

    def temporal_factor(self, vae: Autoencoder) -> int:
        """Return what the VAE says."""
        return int(vae.config.temporal_compression_ratio)

    def latent_channels(self, denoiser: Denoiser, vae: Autoencoder) -> int:  # noqa: ARG002 - the denoiser may read an image beside
        """Return the VAE's."""
        return self.vae_channels(vae)

    def layers(self, denoiser: Any) -> list[Layer]:
        """Return the blocks, which read text and video."""
        return [
            Layer(f"{name}.{i}", block, _BOTH, _BOTH)
            for name in STACKS
            for i, block in enumerate(getattr(denoiser, name, ()))
        ]


@frozen
class HunyuanVideoContract(Float32Latents, FilmContract):
    """A Llama behind an instruction and the vector of a CLIP; a transformer that is told a strength of guidance."""

    def is_distilled(self, denoiser: Denoiser) -> bool:
        """Return whether it is told a strength of guidance."""
        return bool(denoiser.config.guidance_embeds)

    def embedded_guidance(self, denoiser: Denoiser, scales: Sequence[float]) -> dict[str, Any]:
        """Return strengths times a thousand, in the transformer's dtype; nothing for transformers that are told none."""
        if not self.is_distilled(denoiser):
            return {}
        return {name: each.to(denoiser.dtype) * 1000.0 for name, each in told_scales(denoiser, scales).items()}

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return the widths of what the encoders say."""
        return {"hidden": denoiser.config.text_embed_dim, "pooled": denoiser.config.pooled_projection_dim}


_POOLED = TEXT_FIELDS[1]
_TEXT = (*MASKED_TEXT, _POOLED)

HUNYUAN_VIDEO = HunyuanVideoContract(
    name="hunyuan-video",
    prefix="HunyuanVideo",
    roles={
        "denoiser": (RoleComponent("transformer", "diffusers:HunyuanVideoTransformer3DModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKLHunyuanVideo"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:FlowMatchEulerDiscreteScheduler"),),
        "guider": (RoleComponent("guider", EmbeddedGuidance, config={"guidance_scale": 6.0}),),
        "tokenizers": (
            RoleComponent("tokenizer", "transformers:PreTrainedTokenizerBase", optional=True),
            RoleComponent("tokenizer_2", "transformers:CLIPTokenizer", optional=True),
        ),
        "text_encoders": (
            RoleComponent("text_encoder", "transformers:LlamaModel", optional=True),
            RoleComponent("text_encoder_2", "transformers:CLIPTextModel", optional=True),
        ),
    },
    groups={"denoiser_input_fields": _TEXT, "prompt_embeds": _TEXT, "prompts": (PROMPT, PROMPT_2)},
    text_encodings=(
        TextEncoding(hidden_state=-3, tokens="asked", masked=True, template=INSTRUCTION, drop=95),
        TextEncoding(hidden=False, pooled=True, pooled_name="pooler_output"),
    ),
    max_sequence_length=256,
    size_multiple=16,
    image_multiple=16,
    zeros_for_empty_prompt=False,
    flow=True,
    attention_argument="attention_kwargs",
    lora_loader="diffusers.loaders:HunyuanVideoLoraLoaderMixin",
    defaults={"height": 720, "width": 1280, "num_frames": 129, "SetPartialTimesteps.strength": 0.8},
    classic_pipeline="HunyuanVideoPipeline",
)
"""The contract of HunyuanVideo."""

families.register(HUNYUAN_VIDEO.name, f"{__name__}:HUNYUAN_VIDEO")
note_constant(HUNYUAN_VIDEO, f"{__name__}.HUNYUAN_VIDEO")
