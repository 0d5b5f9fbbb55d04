"""What is particular to Stable Diffusion 1 and 2 (Rombach et al. 2022, https://arxiv.org/abs/2112.10752)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve, frozen

from ..guiders import ClassifierFreeGuidance, EmbeddedGuidance, ImageTextGuidance
from ..registry import families
from ..state.vocabulary import DepthLatents, ExtraChannels
from ..state.written_constants import note_constant
from .contract import ConditioningField, RoleComponent, TextEncoding
from .shared_fields import PROMPT
from .unet import BESIDE, HIDDEN, IMAGE_PROMPT, SMALL_IMAGE, VAES, UNetContract

if TYPE_CHECKING:
    from .roles import Autoencoder, Denoiser


@frozen
class StableDiffusionContract(UNetContract):
    """Stable Diffusion 1 and 2: one CLIP text encoder, and a UNet that is told nothing else, or reads channels beside the latents."""

    def latent_channels(self, denoiser: Denoiser, vae: Autoencoder) -> int:  # noqa: ARG002 - it may read more
        """Return the VAE's number: what the denoiser reads beside the latents is no part of them."""
        return self.vae_channels(vae)


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
        "prompts": (PROMPT,),
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

_DEPTH = ConditioningField("depth_latents", "negative_depth_latents", DepthLatents, argument=BESIDE, kind="image")
_REFERENCE = ConditioningField(
    "reference_latents", "negative_reference_latents", ExtraChannels, argument=BESIDE, kind="image"
)

SD_DEPTH = evolve(
    SD,
    name="stable-diffusion-depth",
    prefix="SDDepth",
    groups={**SD.groups, "denoiser_input_fields": (HIDDEN, _DEPTH), "depth": (_DEPTH,), "image_prompt": ()},
    classic_pipeline="StableDiffusionDepth2ImgPipeline",
)
"""The contract of UNets that read the depth of an image beside the latents (the 5 channels of Stable Diffusion 2)."""

_IMAGE_AND_TEXT = RoleComponent(
    "guider", ImageTextGuidance, config={"guidance_scale": 7.5, "image_guidance_scale": 1.5}
)

SD_EDIT = evolve(
    SD,
    name="stable-diffusion-edit",
    prefix="SDEdit",
    roles={**SD.roles, "guider": (_IMAGE_AND_TEXT,)},
    groups={**SD.groups, "denoiser_input_fields": (HIDDEN, _REFERENCE, IMAGE_PROMPT), "reference": (_REFERENCE,)},
    defaults={"num_inference_steps": 100},
    classic_pipeline="StableDiffusionInstructPix2PixPipeline",
)
"""The contract of UNets that edit an image as a text says (InstructPix2Pix, Brooks et al. 2023, https://arxiv.org/abs/2211.09800)."""

SD_UPSCALE = evolve(
    SD,
    name="stable-diffusion-upscale",
    prefix="SDUpscale",
    roles={
        **SD.roles,
        "low_res_scheduler": (RoleComponent("low_res_scheduler", "diffusers:DDPMScheduler"),),
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 9.0}),),
    },
    groups={
        **SD.groups,
        "denoiser_input_fields": (HIDDEN, *SMALL_IMAGE),
        "small_image": SMALL_IMAGE,
        "image_prompt": (),
    },
    defaults={"num_inference_steps": 75},
    image_multiple=4,
    upcasts_vae=True,
    classic_pipeline="StableDiffusionUpscalePipeline",
)
"""The contract of UNets that read a small image in pixels beside latents of its size (the x4 upscaler of Stable Diffusion 2)."""

SD_VARIATION = evolve(
    SD,
    name="stable-diffusion-variation",
    prefix="SDVariation",
    roles={name: parts for name, parts in SD.roles.items() if name not in ("tokenizers", "text_encoders")},
    groups={"denoiser_input_fields": (HIDDEN,), "prompt_embeds": (HIDDEN,)},
    text_encodings=(),
    lora_loader="",
    classic_pipeline="StableDiffusionImageVariationPipeline",
)
"""The contract of UNets that are told an image in the place of a text."""

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

for _name in ("SD", "SD_DEPTH", "SD_EDIT", "SD_LCM", "SD_UPSCALE", "SD_VARIATION"):
    families.register(globals()[_name].name, f"{__name__}:{_name}")
    note_constant(globals()[_name], f"{__name__}.{_name}")
