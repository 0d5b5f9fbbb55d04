"""What is particular to Qwen-Image and Qwen-Image-Edit (https://arxiv.org/abs/2508.02324)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ..guiders import NormKeptGuidance
from ..registry import families
from ..state.vocabulary import NegativePromptMask, PromptMask
from ..state.written_constants import note_constant
from .channel_statistics import PackedOverStatistics, divided_by_statistics
from .contract import ConditioningField, RoleComponent, TextEncoding
from .controlnet import ControlNetInputs
from .flow import TEXT_FIELDS
from .packing import references_in
from .pipeline_properties import of_component, pipeline_properties
from .shared_fields import PROMPT, REFERENCES
from .transformer_control import transformer_control

if TYPE_CHECKING:
    from torch import Tensor

    from .roles import Autoencoder, Denoiser


@frozen
class QwenImageContract(PackedOverStatistics):
    """A language model behind a template, a transformer that is told which tokens of its text count, a VAE of videos."""

    def scale_reference(self, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Take mean and deviation of each channel away."""
        return divided_by_statistics(vae.config, latents)

    def reference_size(self, height: int, width: int, area: int | None = None) -> tuple[int, int]:
        """Return a size of that ratio, of so many pixels and of sides that are multiples of 32."""
        ratio = width / height
        wide = math.sqrt((area or 1024**2) * ratio)
        return max(1, round(wide / ratio / 32)) * 32, max(1, round(wide / 32)) * 32

    def static_kwargs(self, denoiser: Any, latents: Tensor, kwargs: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - others read it
        """Return rows and columns of tokens of each image, and no mask where all tokens of the text count."""
        sizes = [(1, each.shape[-2] // 2, each.shape[-1] // 2) for each in (latents, *references_in(kwargs))]
        mask = kwargs.get(_MASK)
        whole = mask is None or bool(mask.all())
        return {"img_shapes": [sizes] * len(latents), _MASK: None if whole else mask}

    def control(
        self, steering: ControlNetInputs, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return residuals for the blocks; nets read control images as tokens."""
        told = {name: kwargs[name] for name in ("encoder_hidden_states", _MASK, "img_shapes")}
        told |= {"hidden_states": self.tokens_of(latents), "timestep": self.time_of(latents, t)}
        return transformer_control(steering, told, None, self.tokens_of, ("controlnet_block_samples",))

    def predicted_channels(self, denoiser: Denoiser) -> int | None:
        """Return what the configuration says, which counts those of a latent, and not of a token."""
        made = super().predicted_channels(denoiser)
        return None if made is None else made * 4

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return what the transformer projects."""
        return {"hidden": denoiser.config.joint_attention_dim}


_MASK = "encoder_hidden_states_mask"
_TEXT = (
    TEXT_FIELDS[0],
    ConditioningField(
        "prompt_embeds_mask",
        "negative_prompt_embeds_mask",
        PromptMask,
        NegativePromptMask,
        argument=_MASK,
        required=False,
        source="mask",
    ),
)
_AROUND = "<|im_start|>system\n{}<|im_end|>\n<|im_start|>user\n{{}}<|im_end|>\n<|im_start|>assistant\n"
_DESCRIBE = "Describe the image by detailing the color, shape, size, texture, quantity, text, spatial relationships of the objects and background:"
_CHANGE = (
    "Describe the key features of the input image (color, shape, size, texture, objects, background), then explain how the user's text "
    "instruction should alter or modify the image. Generate a new image that meets the user's requirements while maintaining consistency "
    "with the original input where appropriate."
)
_SEEN = "<|vision_start|><|image_pad|><|vision_end|>"
_READ = TextEncoding(
    hidden_state=-1,
    tokens="asked",
    most=1024,
    to_longest=True,
    masked=True,
    template=_AROUND.format(_DESCRIBE),
    drop=34,
)
_READ_WITH_IMAGE = evolve(_READ, template=_AROUND.format(_CHANGE), drop=64, image_template=_SEEN)

LIGHTNING_SCHEDULER: dict[str, Any] = {
    "base_shift": math.log(3),
    "max_shift": math.log(3),
    "max_image_seq_len": 8192,
    "use_dynamic_shifting": True,
    "time_shift_type": "exponential",
}
"""Configuration of `FlowMatchEulerDiscreteScheduler` for Qwen-Image-Lightning: a shift of 3 for images of every size
(https://github.com/ModelTC/Qwen-Image-Lightning)."""

QWEN_IMAGE = QwenImageContract(
    name="qwen-image",
    prefix="QwenImage",
    roles={
        "denoiser": (RoleComponent("transformer", "diffusers:QwenImageTransformer2DModel"),),
        "controlnet": (RoleComponent("controlnet", "diffusers:QwenImageControlNetModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKLQwenImage"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:FlowMatchEulerDiscreteScheduler"),),
        "guider": (RoleComponent("guider", NormKeptGuidance, config={"guidance_scale": 4.0}),),
        "tokenizers": (RoleComponent("tokenizer", "transformers:Qwen2Tokenizer", optional=True),),
        "text_encoders": (
            RoleComponent("text_encoder", "transformers:Qwen2_5_VLForConditionalGeneration", optional=True),
        ),
    },
    groups={"denoiser_input_fields": _TEXT, "prompt_embeds": _TEXT, "prompts": (PROMPT,)},
    text_encodings=(_READ,),
    max_sequence_length=512,
    size_multiple=16,
    image_multiple=16,
    zeros_for_empty_prompt=False,
    attention_argument="attention_kwargs",
    lora_loader="diffusers.loaders:QwenImageLoraLoaderMixin",
    accepts={"controlnet": ("QwenImageControlNetModel", "QwenImageMultiControlNetModel")},
    control_latents=True,
    positive_control=True,
    defaults={"SetSizedPartialTimesteps.strength": 0.6, "SetSizedInpaintTimesteps.strength": 0.6},
    flow=True,
    schedule_reads_size=True,
    truncates_start=True,
    video_vae=True,
    classic_pipeline="QwenImagePipeline",
    modular_pipeline="QwenImageModularPipeline",
    modular_blocks="QwenImageAutoBlocks",
    pipeline_properties=pipeline_properties(
        lambda _: 128,
        of_component("vae", 8, lambda vae: 2 ** len(vae.config.temperal_downsample)),
        num_channels_latents=of_component("transformer", 16, lambda transformer: transformer.config.in_channels // 4),
        is_guidance_distilled=of_component(
            "transformer", False, lambda transformer: transformer.config.guidance_embeds
        ),
    ),
)
"""The contract of Qwen-Image."""

QWEN_IMAGE_LIGHTNING = evolve(
    QWEN_IMAGE,
    name="qwen-image-lightning",
    prefix="QwenImageLightning",
    roles={
        **QWEN_IMAGE.roles,
        "scheduler": (
            RoleComponent("scheduler", "diffusers:FlowMatchEulerDiscreteScheduler", config=LIGHTNING_SCHEDULER),
        ),
        "guider": (RoleComponent("guider", NormKeptGuidance, config={"guidance_scale": 1.0}),),
    },
    defaults={**QWEN_IMAGE.defaults, "num_inference_steps": 8},
    classic_pipeline="",
    modular_pipeline="",
    modular_blocks="",
)
"""The contract of Qwen-Image with the LoRA of Qwen-Image-Lightning, in 8 or 4 steps without guidance."""

QWEN_IMAGE_EDIT = evolve(
    QWEN_IMAGE,
    name="qwen-image-edit",
    prefix="QwenImageEdit",
    roles={
        **QWEN_IMAGE.roles,
        "processor": (RoleComponent("processor", "transformers:Qwen2VLProcessor", optional=True),),
    },
    groups={**QWEN_IMAGE.groups, "denoiser_input_fields": (*_TEXT, REFERENCES), "reference": (REFERENCES,)},
    text_encodings=(_READ_WITH_IMAGE,),
    classic_pipeline="QwenImageEditPipeline",
    modular_pipeline="QwenImageEditModularPipeline",
    modular_blocks="QwenImageEditAutoBlocks",
)
"""The contract of Qwen-Image-Edit, which reads an image as text and in further tokens."""

QWEN_IMAGE_EDIT_PLUS = evolve(
    QWEN_IMAGE_EDIT,
    name="qwen-image-edit-plus",
    prefix="QwenImageEditPlus",
    text_encodings=(evolve(_READ_WITH_IMAGE, image_template=f"Picture {{}}: {_SEEN}", image_area=384**2),),
    several_references=True,
    sizing_reference="last",
    classic_pipeline="QwenImageEditPlusPipeline",
    modular_pipeline="QwenImageEditPlusModularPipeline",
    modular_blocks="QwenImageEditPlusAutoBlocks",
)
"""The contract of Qwen-Image-Edit-2509 and later, which read several images."""

for _name in ("QWEN_IMAGE", "QWEN_IMAGE_EDIT", "QWEN_IMAGE_EDIT_PLUS", "QWEN_IMAGE_LIGHTNING"):
    families.register(globals()[_name].name, f"{__name__}:{_name}")
    note_constant(globals()[_name], f"{__name__}.{_name}")
