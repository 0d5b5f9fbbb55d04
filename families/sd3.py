"""What is particular to Stable Diffusion 3 and 3.5 (Esser et al. 2024, https://arxiv.org/abs/2403.03206)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ..guiders import ClassifierFreeGuidance
from ..registry import families
from ..state.vocabulary import ControlPooled, ThirdNegativePrompt, ThirdPrompt
from ..state.written_constants import note_constant
from .contract import ConditioningField, Encoded, RoleComponent, TextEncoding
from .controlnet import ControlNetInputs
from .flow import TEXT_FIELDS, FlowContract, shift_of_tokens
from .joint_control import joint_control, reads_shifted
from .shared_fields import JOINT_IMAGE_PROMPT, PROMPT, PROMPT_2
from .text_encoding import joined_by_tokens

if TYPE_CHECKING:
    from torch import Tensor

    from .roles import Autoencoder, Denoiser, Scheduler

_MOST_SHIFT = 1.16
"""As `pipeline_stable_diffusion_3.py` of diffusers 0.42.1 has it, where the scheduler's configuration says nothing."""


@frozen
class SD3Contract(FlowContract):
    """Two CLIPs and a T5, which may be absent; a transformer over text and image, told pooled text."""

    def joined_texts(
        self, encoded: Sequence[Encoded | None], denoiser: Denoiser | None, rows: int, tokens: int | None
    ) -> Mapping[str, Tensor | None]:
        """Join the CLIPs by width, and with the T5 by tokens."""
        return joined_by_tokens(encoded, denoiser, rows, tokens or self.max_sequence_length or 0)

    def schedule(self, scheduler: Scheduler, steps: int, shape: tuple[int, ...] | None) -> dict[str, Any]:  # noqa: ARG002 - the scheduler's own
        """Return the shift for the number of tokens, two latents wide each, of schedulers that shift by it."""
        if shape is None:
            return {}
        return shift_of_tokens(scheduler, (shape[-2] // 2) * (shape[-1] // 2), _MOST_SHIFT)

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the transformer, which takes what its one adapter is told of images as a tensor by itself, `[b patches width]`."""
        attention = kwargs.get(_ATTENTION, {})
        if _IMAGES not in attention:
            return super().predict(denoiser, latents, t, kwargs)
        (embeds,) = attention[_IMAGES]
        told = {**attention, _IMAGES: embeds.flatten(0, -3)}
        return super().predict(denoiser, latents, t, {**kwargs, _ATTENTION: told})

    def latents_fault(self, denoiser: Any, latents: Tensor) -> str | None:
        """Say that latents are longer than the transformer has embeddings of places for."""
        config = denoiser.config
        most: int = config.pos_embed_max_size * config.patch_size
        height, width = latents.shape[-2:]
        if max(height, width) <= most:
            return None
        return (
            f"The latents are {height}x{width} (height x width), and the transformer has places for {most}x{most} of them "
            f"(pos_embed_max_size={config.pos_embed_max_size}): give a smaller height or width."
        )

    def image_projections(self, denoiser: Denoiser) -> list[Any]:
        """Return the one adapter's; the transformer has no place for it before one is loaded."""
        held = getattr(denoiser, self.image_projection, None)
        return [] if held is None else [held]

    def conditioning_fault(self, denoiser: Denoiser, conditioning: Mapping[str, Any]) -> str | None:  # noqa: ARG002 - asks nothing of it
        """Say that an adapter is told several images, and reads one."""
        told = conditioning.get(JOINT_IMAGE_PROMPT.positive) or []
        several = [each.shape[1] for each in told if each.ndim == 4 and each.shape[1] != 1]
        if not several:
            return None
        return f"The IP-Adapter of {self.name} reads one image, and was given {several[0]}: give ip_adapter_image=... one image."

    def control(self, steering: ControlNetInputs, latents: Tensor, t: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return residuals for the blocks."""
        return joint_control(steering, latents, t, kwargs)

    def scale_control(self, net: Any, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Scale, and shift for nets that were trained so."""
        if reads_shifted(net):
            return self.scale_latents(vae, latents)
        scaled: Tensor = latents * vae.config.scaling_factor
        return scaled

    def text_width(self, widths: Sequence[int | None]) -> int | None:
        """Return the width of the T5's, up to which those of the CLIPs are filled; None without one."""
        return widths[-1]

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return the widths of joined hidden states, and of the pooled vector."""
        return {"hidden": denoiser.config.joint_attention_dim, "pooled": denoiser.config.pooled_projection_dim}


_ATTENTION, _IMAGES = "joint_attention_kwargs", "ip_adapter_image_embeds"
_DENOISER = RoleComponent("transformer", "diffusers:SD3Transformer2DModel")
_CLIP = TextEncoding(pooled=True)

SD3 = SD3Contract(
    name="stable-diffusion-3",
    prefix="SD3",
    roles={
        "denoiser": (_DENOISER,),
        "controlnet": (RoleComponent("controlnet", "diffusers:SD3ControlNetModel"),),
        "embeds_readers": (evolve(_DENOISER, optional=True),),
        "image_encoder": (RoleComponent("image_encoder", "transformers:SiglipVisionModel"),),
        "feature_extractor": (
            RoleComponent(
                "feature_extractor",
                "transformers:SiglipImageProcessor",
                # As the encoder of the released adapters sees them.
                config={"size": {"height": 384, "width": 384}},
            ),
        ),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKL"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:FlowMatchEulerDiscreteScheduler"),),
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 7.0}),),
        "tokenizers": (
            RoleComponent("tokenizer", "transformers:CLIPTokenizer"),
            RoleComponent("tokenizer_2", "transformers:CLIPTokenizer"),
            RoleComponent("tokenizer_3", "transformers:T5TokenizerFast", optional=True),
        ),
        "text_encoders": (
            RoleComponent("text_encoder", "transformers:CLIPTextModelWithProjection"),
            RoleComponent("text_encoder_2", "transformers:CLIPTextModelWithProjection"),
            RoleComponent("text_encoder_3", "transformers:T5EncoderModel", optional=True),
        ),
    },
    groups={
        "denoiser_input_fields": (*TEXT_FIELDS, JOINT_IMAGE_PROMPT),
        "image_prompt": (JOINT_IMAGE_PROMPT,),
        "prompt_embeds": TEXT_FIELDS,
        "control_text": (
            ConditioningField(
                "controlnet_pooled_projections", "", ControlPooled, argument="pooled_projections", required=False
            ),
        ),
        "prompts": (
            PROMPT,
            PROMPT_2,
            ConditioningField("prompt_3", "negative_prompt_3", ThirdPrompt, ThirdNegativePrompt, required=False),
        ),
    },
    text_encodings=(_CLIP, _CLIP, TextEncoding(hidden_state=None, tokens="asked", most=512)),
    max_sequence_length=256,
    size_multiple=16,
    zeros_for_empty_prompt=False,
    flow=True,
    schedule_reads_size=True,
    truncates_start=True,
    defaults={"num_inference_steps": 28, "strength": 0.6},
    attention_argument=_ATTENTION,
    lora_loader="diffusers.loaders:SD3LoraLoaderMixin",
    ip_adapter_loader="diffusers.loaders:SD3IPAdapterMixin",
    ip_adapter_weights="ip-adapter.safetensors",
    ip_adapter_names=(
        "norm_ip.linear.bias",
        "norm_ip.linear.weight",
        "norm_ip_k.weight",
        "norm_k.weight",
        "norm_q.weight",
        "to_k_ip.weight",
        "to_v_ip.weight",
    ),
    image_projection="image_proj",
    one_ip_adapter=True,
    no_image="zeros",
    accepts={
        "vae": ("AutoencoderKL", "AutoencoderTiny", "AsymmetricAutoencoderKL"),
        "controlnet": ("SD3ControlNetModel", "SD3MultiControlNetModel"),
    },
    control_latents=True,
    draws_control=False,
    masked_control=True,
    advice={
        "scheduler": "Schedulers of flow matching fit: FlowMatchEulerDiscreteScheduler, FlowMatchHeunDiscreteScheduler, and "
        "DPMSolverMultistepScheduler or UniPCMultistepScheduler with use_flow_sigmas=True and prediction_type='flow_prediction'."
    },
    classic_pipeline="StableDiffusion3Pipeline",
    modular_pipeline="StableDiffusion3ModularPipeline",
    modular_blocks="StableDiffusion3AutoBlocks",
)
"""The contract of Stable Diffusion 3 and 3.5."""

families.register(SD3.name, f"{__name__}:SD3")
note_constant(SD3, f"{__name__}.SD3")
