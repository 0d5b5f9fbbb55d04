"""What is particular to Stable Diffusion XL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from attrs import evolve, frozen

from ..registry import families
from ..state import InputError
from ..state.vocabulary import PooledPromptEmbeds, TimeIds
from ..state.written_constants import note_constant
from .contract import ConditioningField, RoleComponent, TextEncoding
from .pipeline_properties import of_component, pipeline_properties
from .shared_fields import PROMPT, PROMPT_2
from .unet import HIDDEN, IMAGE_PROMPT, VAES, UNetContract

if TYPE_CHECKING:
    from torch import Tensor

    from .roles import Autoencoder, Denoiser


@frozen
class SDXLContract(UNetContract):
    """Stable Diffusion XL: two CLIP text encoders, and a UNet that is told pooled text and sizes."""

    told_ratings: ClassVar[bool] = True

    def size_ids(self, denoiser: Denoiser, sizes: Sequence[tuple[float, ...]], pooled_width: int) -> list[float]:
        """Return original size, crop corner, and target size or rating in a row, checked against the UNet's embedding
        layer.
        """
        ids = [number for size in sizes for number in size]
        expected = denoiser.config.projection_class_embeddings_input_dim
        got = denoiser.config.addition_time_embed_dim * len(ids) + pooled_width
        if expected != got:
            raise InputError(
                f"The UNet's added embedding takes {expected} numbers; {len(ids)} size ids and a pooled prompt embedding "
                f"of width {pooled_width} make {got}. The text encoder and the UNet do not belong together."
            )
        return ids

    def scale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Apply scaling, and per-channel mean and deviation where the VAE's config names them."""
        scale: float = vae.config.scaling_factor
        statistics = _statistics(vae, latents)
        if statistics is None:
            return scale * latents
        mean, deviation = statistics
        scaled: Tensor = (latents - mean) * scale / deviation
        return scaled

    def unscale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Undo scaling, and per-channel mean and deviation where the VAE's config names them."""
        scale: float = vae.config.scaling_factor
        statistics = _statistics(vae, latents)
        if statistics is None:
            return latents / scale
        mean, deviation = statistics
        unscaled: Tensor = latents * deviation / scale + mean
        return unscaled


def _statistics(vae: Autoencoder, latents: Tensor) -> tuple[Tensor, Tensor] | None:
    mean, deviation = (getattr(vae.config, name, None) for name in ("latents_mean", "latents_std"))
    # VAEs of later models have them (Playground v2.5).
    if mean is None or deviation is None:
        return None
    import torch

    # By way of float32, as in diffusers.
    given, spread = (torch.tensor(each).view(1, -1, 1, 1).to(latents) for each in (mean, deviation))
    return given, spread


_EMBEDS = (
    HIDDEN,
    ConditioningField(
        "pooled_prompt_embeds",
        "negative_pooled_prompt_embeds",
        PooledPromptEmbeds,
        argument="added_cond_kwargs.text_embeds",
        source="pooled",
    ),
)
_SIZES = ConditioningField(
    "add_time_ids", "negative_add_time_ids", TimeIds, argument="added_cond_kwargs.time_ids", shared=True
)


PIPELINE_PROPERTIES = pipeline_properties(
    of_component("unet", 128, lambda unet: unet.config.sample_size),
    num_channels_unet=of_component("unet", 4, lambda unet: unet.config.in_channels),
    num_channels_latents=of_component("vae", 4, lambda vae: vae.config.latent_channels),
)
"""As `StableDiffusionXLModularPipeline` of diffusers 0.42.1 has them."""

SDXL = SDXLContract(
    name="stable-diffusion-xl",
    prefix="SDXL",
    roles={
        "denoiser": (RoleComponent("unet", "diffusers:UNet2DConditionModel"),),
        "controlnet": (RoleComponent("controlnet", "diffusers:ControlNetModel"),),
        "adapter": (RoleComponent("adapter", "diffusers:T2IAdapter"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKL"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:EulerDiscreteScheduler"),),
        "tokenizers": (
            RoleComponent("tokenizer", "transformers:CLIPTokenizer"),
            RoleComponent("tokenizer_2", "transformers:CLIPTokenizer"),
        ),
        "text_encoders": (
            RoleComponent("text_encoder", "transformers:CLIPTextModel"),
            RoleComponent("text_encoder_2", "transformers:CLIPTextModelWithProjection"),
        ),
    },
    groups={
        "denoiser_input_fields": (*_EMBEDS, _SIZES, IMAGE_PROMPT),
        "sizes": (_SIZES,),
        "image_prompt": (IMAGE_PROMPT,),
        "prompt_embeds": _EMBEDS,
        "prompts": (PROMPT, PROMPT_2),
    },
    text_encodings=(
        TextEncoding(negative_tokens="positive"),
        TextEncoding(pooled=True, negative_tokens="positive"),
    ),
    upcasts_vae=True,
    attention_argument="cross_attention_kwargs",
    lora_loader="diffusers.loaders:StableDiffusionXLLoraLoaderMixin",
    accepts={
        "vae": VAES,
        "controlnet": ("ControlNetModel", "ControlNetUnionModel"),
    },
    advice={
        "scheduler": "Schedulers of diffusion fit, such as EulerDiscreteScheduler, DPMSolverMultistepScheduler, DDIMScheduler, and "
        "EDMEulerScheduler for models that were trained with it. UNets that were trained by flow matching run with "
        "DPMSolverMultistepScheduler or UniPCMultistepScheduler, use_flow_sigmas=True and prediction_type='flow_prediction'."
    },
    classic_pipeline="StableDiffusionXLPipeline",
    modular_pipeline="StableDiffusionXLModularPipeline",
    modular_blocks="StableDiffusionXLAutoBlocks",
    ip_adapter_weights="ip-adapter_sdxl.safetensors",
    pipeline_properties=PIPELINE_PROPERTIES,
)
"""The contract of Stable Diffusion XL."""


_SECOND = (RoleComponent("refiner", "diffusers:UNet2DConditionModel"),)

SDXL_SECOND = evolve(
    SDXL, name="stable-diffusion-xl-second", prefix="SDXLSecond", roles={**SDXL.roles, "denoiser": _SECOND}
)
"""The contract of a second UNet of the same kind, which is told what the first is told."""


def _of_refiner(field: ConditioningField) -> ConditioningField:
    """Return the same, under a name that the base's values do not have."""
    negative = f"negative_refiner_{field.negative.removeprefix('negative_')}"
    return evolve(field, positive=f"refiner_{field.positive}", negative=negative)


_SECOND_ENCODER = {role: SDXL.roles[role][1:] for role in ("tokenizers", "text_encoders")}

SDXL_REFINER_ALONE = evolve(
    SDXL,
    name="stable-diffusion-xl-refiner-alone",
    prefix="SDXLRefinerAlone",
    roles={**SDXL.roles, **_SECOND_ENCODER},
    # `prompt_2` is for the encoder that a refiner has: the classic pipelines pair prompts and encoders from the front, so that it
    # reads `prompt`, and nothing reads the other.
    groups={**SDXL.groups, "prompts": SDXL.groups["prompts"][:1]},
    text_encodings=SDXL.text_encodings[1:],
)
"""The contract of a refiner in a repository of its own, with one text encoder; its index says what it is told and whether an empty
prompt is zeros."""

_REFINER_EMBEDS = tuple(_of_refiner(field) for field in _EMBEDS)

SDXL_REFINER = evolve(
    SDXL_REFINER_ALONE,
    name="stable-diffusion-xl-refiner",
    prefix="SDXLRefiner",
    roles={**SDXL_REFINER_ALONE.roles, "denoiser": _SECOND},
    groups={
        "denoiser_input_fields": (*_REFINER_EMBEDS, _of_refiner(_SIZES)),
        "sizes": (_of_refiner(_SIZES),),
        "prompt_embeds": _REFINER_EMBEDS,
        "prompts": SDXL_REFINER_ALONE.groups["prompts"],
    },
    # The refiner's repository says so (`force_zeros_for_empty_prompt: false`), and the base's the contrary.
    zeros_for_empty_prompt=False,
)
"""The contract of the refiner that goes on where the base stops: one text encoder, and a rating in place of the target size."""

for _name in ("SDXL", "SDXL_SECOND", "SDXL_REFINER", "SDXL_REFINER_ALONE"):
    families.register(globals()[_name].name, f"{__name__}:{_name}")
    note_constant(globals()[_name], f"{__name__}.{_name}")
