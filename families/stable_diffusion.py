"""What is particular to Stable Diffusion 1 and 2 (Rombach et al. 2022, https://arxiv.org/abs/2112.10752)."""

from __future__ import annotations

from attrs import evolve, frozen

from ..guiders import EmbeddedGuidance
from ..registry import families
from ..state.vocabulary import NegativePrompt, Prompt
from ..state.written_constants import note_constant
from .contract import ConditioningField, RoleComponent, TextEncoding
from .unet import HIDDEN, IMAGE_PROMPT, VAES, UNetContract


@frozen
class StableDiffusionContract(UNetContract):
    """Stable Diffusion 1 and 2: one CLIP text encoder, and a UNet that is told nothing else."""


SD = StableDiffusionContract(
    name="stable-diffusion",
    prefix="SD",
    roles={
        "denoiser": (RoleComponent("unet", "diffusers:UNet2DConditionModel"),),
        "controlnet": (RoleComponent("controlnet", "diffusers:ControlNetModel"),),
        "adapter": (RoleComponent("adapter", "diffusers:T2IAdapter"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKL"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:PNDMScheduler"),),
        "tokenizers": (RoleComponent("tokenizer", "transformers:CLIPTokenizer"),),
        "text_encoders": (RoleComponent("text_encoder", "transformers:CLIPTextModel"),),
    },
    groups={
        "denoiser_input_fields": (HIDDEN, IMAGE_PROMPT),
        "image_prompt": (IMAGE_PROMPT,),
        "prompt_embeds": (HIDDEN,),
        "prompts": (ConditioningField("prompt", "negative_prompt", Prompt, NegativePrompt),),
    },
    # Its own output, and where `clip_skip` picks an earlier layer, that with the final norm.
    text_encodings=(TextEncoding(hidden_state=None, normed=True, negative_tokens="positive", masked=None),),
    zeros_for_empty_prompt=False,
    attention_argument="cross_attention_kwargs",
    lora_loader="diffusers.loaders:StableDiffusionLoraLoaderMixin",
    accepts={"vae": VAES},
    advice={
        "scheduler": "Schedulers of diffusion fit, such as PNDMScheduler, DDIMScheduler, EulerDiscreteScheduler and "
        "DPMSolverMultistepScheduler, with the prediction_type that the UNet was trained with."
    },
    defaults={
        "SetPartialTimesteps.strength": 0.8,
        "SetInpaintTimesteps.strength": 1.0,
        "EncodeInpaintImage.strength": 1.0,
        "PrepareInpaintControl.controlnet_conditioning_scale": 0.5,
    },
    classic_pipeline="StableDiffusionPipeline",
    ip_adapter_weights="ip-adapter_sd15.safetensors",
)
"""The contract of Stable Diffusion 1 and 2."""

_STRENGTH = RoleComponent("guider", EmbeddedGuidance, config={"guidance_scale": 8.5})

SD_LCM = evolve(
    SD,
    name="stable-diffusion-lcm",
    prefix="SDLCM",
    roles={
        **SD.roles,
        "scheduler": (RoleComponent("scheduler", "diffusers:LCMScheduler"),),
        "guider": (_STRENGTH,),
    },
    defaults={**SD.defaults, "num_inference_steps": 4},
    classic_pipeline="LatentConsistencyModelPipeline",
)
"""The contract of latent consistency models (Luo et al. 2023, https://arxiv.org/abs/2310.04378), which are told the strength of guidance."""

for _name in ("SD", "SD_LCM"):
    families.register(globals()[_name].name, f"{__name__}:{_name}")
    note_constant(globals()[_name], f"{__name__}.{_name}")
