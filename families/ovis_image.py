"""What is particular to Ovis-Image (https://github.com/AIDC-AI/Ovis-Image)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..guiders import ClassifierFreeGuidance
from ..registry import families
from ..state.written_constants import note_constant
from .contract import RoleComponent, TextEncoding
from .flow import TEXT_FIELDS
from .packing import Packed2x2
from .shared_fields import PROMPT

if TYPE_CHECKING:
    from torch import Tensor

    from .roles import Denoiser


@frozen
class OvisImageContract(Packed2x2):
    """A language model whose text has places on the diagonal, and a transformer over text and image."""

    def static_kwargs(self, denoiser: Any, latents: Tensor, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return places of tokens: those of text in row and column of their own number."""
        import torch

        found = super().static_kwargs(denoiser, latents, kwargs)
        text = kwargs["encoder_hidden_states"]
        line = torch.arange(text.shape[1], device=text.device).float()
        return {**found, "txt_ids": torch.stack([torch.zeros_like(line), line, line], dim=1).to(text.dtype)}

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return what the transformer projects."""
        return {"hidden": denoiser.config.joint_attention_dim}


_DESCRIBE = "Describe the image by detailing the color, quantity, text, shape, size, texture, spatial relationships of the objects and background: "


def _described(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": _DESCRIBE + text}]


_TEXT = (TEXT_FIELDS[0],)

OVIS_IMAGE = OvisImageContract(
    name="ovis-image",
    prefix="OvisImage",
    roles={
        "denoiser": (RoleComponent("transformer", "diffusers:OvisImageTransformer2DModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKL"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:FlowMatchEulerDiscreteScheduler"),),
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 5.0}),),
        "tokenizers": (RoleComponent("tokenizer", "transformers:Qwen2Tokenizer", optional=True),),
        "text_encoders": (RoleComponent("text_encoder", "transformers:Qwen3Model", optional=True),),
    },
    groups={"denoiser_input_fields": _TEXT, "prompt_embeds": _TEXT, "prompts": (PROMPT,)},
    text_encodings=(
        TextEncoding(
            hidden_state=None,
            tokens="asked",
            most=256,
            masked=True,
            cut=True,
            drop=28,
            chat=_described,
            chat_options={"add_generation_prompt": True, "enable_thinking": False},
        ),
    ),
    max_sequence_length=256,
    size_multiple=16,
    image_multiple=16,
    zeros_for_empty_prompt=False,
    attention_argument="joint_attention_kwargs",
    accepts={"vae": ("AutoencoderKL", "AutoencoderTiny")},
    flow=True,
    schedule_reads_size=True,
    truncates_start=True,
    classic_pipeline="OvisImagePipeline",
)
"""The contract of Ovis-Image."""

families.register(OVIS_IMAGE.name, f"{__name__}:OVIS_IMAGE")
note_constant(OVIS_IMAGE, f"{__name__}.OVIS_IMAGE")
