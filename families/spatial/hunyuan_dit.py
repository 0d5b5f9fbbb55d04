"""What is particular to Hunyuan-DiT (Li et al. 2024, https://arxiv.org/abs/2405.08748)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import evolve, frozen

from ...guiders import ClassifierFreeGuidance
from ...registry import families
from ...state.vocabulary import TimeIds
from ...state.written_constants import note_constant
from ..contract import ConditioningField, RoleComponent, TextEncoding
from ..controlnet import ControlNetInputs
from ..layers import Layer
from ..shared_fields import PROMPT
from ..transformer_control import transformer_control
from .latent_transformer import LatentTransformer, resized_crop
from .masked_text import HIDDEN, MASK, SECOND_HIDDEN, SECOND_MASK, TextsApart

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Denoiser

_TRAINED = 64
"""Latents along a side of the images that places of tokens are counted in: of 512 pixels."""
_RESIDUALS = "controlnet_block_samples"


@frozen
class HunyuanDiTContract(TextsApart, LatentTransformer):
    """A BERT and a T5 with their masks; a transformer that is told sizes, a style and places, and says a variance."""

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the transformer with the timestep in the dtype of the latents."""
        return super().predict(denoiser, latents, t.to(latents.dtype), kwargs)

    def static_kwargs(self, denoiser: Any, latents: Tensor, kwargs: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - places hang on sizes alone
        """Return the places of tokens, and the one style."""
        import torch
        from diffusers.models.embeddings import get_2d_rotary_pos_embed

        patch = denoiser.config.patch_size
        height, width = (side // patch for side in latents.shape[-2:])
        places = get_2d_rotary_pos_embed(
            denoiser.inner_dim // denoiser.num_heads,
            resized_crop((height, width), (_TRAINED // patch, _TRAINED // patch)),
            (height, width),
            device=latents.device,
            output_type="pt",
        )
        return {"image_rotary_emb": places, "style": torch.zeros(len(latents), dtype=torch.long, device=latents.device)}

    def size_ids(self, denoiser: Denoiser, sizes: Sequence[tuple[float, ...]], pooled_width: int) -> list[float]:  # noqa: ARG002 - it has none
        """Return original size, target size and crop."""
        original, crop, target = sizes
        return [*original, *target, *crop]

    keeps_asked_size: ClassVar[bool] = False

    def trained_size(self, denoiser: Denoiser, height: int, width: int) -> tuple[int, int]:  # noqa: ARG002 - one for all
        """Return the size of the nearest ratio, and of those that of the nearest area."""
        from diffusers.pipelines.hunyuandit import pipeline_hunyuandit as known

        if (height, width) in known.SUPPORTED_SHAPE:
            return height, width
        found = known.map_to_standard_shapes(width, height)
        return int(found[1]), int(found[0])

    def predicts_variance(self, denoiser: Denoiser) -> bool:
        """Return whether it was trained to."""
        return bool(denoiser.config.learn_sigma)

    def predicted_channels(self, denoiser: Denoiser) -> int | None:
        """Return the channels that it reads."""
        return int(denoiser.config.in_channels)

    def control(
        self, steering: ControlNetInputs, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return residuals of nets that are told what the transformer is told."""
        told = {name: value for name, value in kwargs.items() if name != _RESIDUALS}
        told |= {"hidden_states": latents, "timestep": t.to(latents.dtype).expand(latents.shape[0])}
        return transformer_control(steering, told, None, lambda image: image)

    def layers(self, denoiser: Any) -> list[Layer]:
        """Return the transformer's blocks."""
        return [Layer(f"blocks.{i}", block) for i, block in enumerate(denoiser.blocks)]

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return the widths of what both say."""
        config = denoiser.config
        return {"hidden": config.cross_attention_dim, "second hidden": config.cross_attention_dim_t5}


_TEXT = (
    HIDDEN,
    evolve(MASK, argument="text_embedding_mask"),
    evolve(SECOND_HIDDEN, argument="encoder_hidden_states_t5"),
    evolve(SECOND_MASK, argument="text_embedding_mask_t5"),
)
_TIME_IDS = ConditioningField("add_time_ids", "negative_add_time_ids", TimeIds, argument="image_meta_size")

HUNYUAN_DIT = HunyuanDiTContract(
    name="hunyuan-dit",
    prefix="HunyuanDiT",
    roles={
        "denoiser": (RoleComponent("transformer", "diffusers:HunyuanDiT2DModel"),),
        "controlnet": (RoleComponent("controlnet", "diffusers:HunyuanDiT2DControlNetModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKL"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:DDPMScheduler"),),
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 5.0}),),
        "tokenizers": (
            RoleComponent("tokenizer", "transformers:BertTokenizer", optional=True),
            RoleComponent("tokenizer_2", "transformers:T5TokenizerFast", optional=True),
        ),
        "text_encoders": (
            RoleComponent("text_encoder", "transformers:BertModel", optional=True),
            RoleComponent("text_encoder_2", "transformers:T5EncoderModel", optional=True),
        ),
    },
    groups={
        "denoiser_input_fields": (*_TEXT, _TIME_IDS),
        "prompt_embeds": _TEXT,
        "sizes": (_TIME_IDS,),
        "prompts": (PROMPT,),
    },
    text_encodings=(
        TextEncoding(hidden_state=None, tokens=77, masked=True),
        TextEncoding(hidden_state=None, tokens=256, masked=True),
    ),
    size_multiple=16,
    image_multiple=16,
    zeros_for_empty_prompt=False,
    # What it was trained to take for a whole image of good quality.
    defaults={"original_size": (1024, 1024)},
    accepts={
        "vae": ("AutoencoderKL", "AutoencoderTiny", "AsymmetricAutoencoderKL"),
        "controlnet": ("HunyuanDiT2DControlNetModel", "HunyuanDiT2DMultiControlNetModel"),
    },
    control_latents=True,
    draws_control=False,
    classic_pipeline="HunyuanDiTPipeline",
)
"""The contract of Hunyuan-DiT."""

families.register(HUNYUAN_DIT.name, f"{__name__}:HUNYUAN_DIT")
note_constant(HUNYUAN_DIT, f"{__name__}.HUNYUAN_DIT")
