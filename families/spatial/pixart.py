"""What is particular to PixArt-alpha (Chen et al. 2023, https://arxiv.org/abs/2310.00426) and Sigma (https://arxiv.org/abs/2403.04692)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ...guiders import ClassifierFreeGuidance
from ...registry import families
from ...state.written_constants import note_constant
from ..contract import RoleComponent, TextEncoding
from ..shared_fields import PROMPT
from .latent_transformer import LatentTransformer
from .masked_text import MASKED_TEXT, lowered
from .trained_sizes import nearest_size

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Denoiser

_PIXELS = 8
"""Along a latent's side: the VAE's with which PixArt-alpha was trained to be told sizes in pixels."""


@frozen
class PixArtContract(LatentTransformer):
    """A T5 whose mask the transformer is told; larger ones of PixArt-alpha are told the size of the image, too."""

    def static_kwargs(self, denoiser: Any, latents: Tensor, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return height and width in pixels, and their ratio, for each row; None for transformers that are not told them."""
        told: dict[str, Any] = {"resolution": None, "aspect_ratio": None}
        if getattr(denoiser, "use_additional_conditions", False):
            height, width = (_PIXELS * side for side in latents.shape[-2:])
            row = kwargs["encoder_hidden_states"].new_tensor([[height, width, height / width]]).repeat(len(latents), 1)
            told = {"resolution": row[:, :2], "aspect_ratio": row[:, 2:]}
        return {"added_cond_kwargs": told}

    def trained_size(self, denoiser: Denoiser, height: int, width: int) -> tuple[int, int]:
        """Return the size of the nearest ratio."""
        return nearest_size(_PIXELS * denoiser.config.sample_size, height, width)

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return the width of captions."""
        return {"hidden": denoiser.config.caption_channels}


PIXART_SIGMA = PixArtContract(
    name="pixart-sigma",
    prefix="PixArt",
    roles={
        "denoiser": (RoleComponent("transformer", "diffusers:PixArtTransformer2DModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKL"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:DPMSolverMultistepScheduler"),),
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 4.5}),),
        "tokenizers": (RoleComponent("tokenizer", "transformers:T5TokenizerFast", optional=True),),
        "text_encoders": (RoleComponent("text_encoder", "transformers:T5EncoderModel", optional=True),),
    },
    groups={"denoiser_input_fields": MASKED_TEXT, "prompt_embeds": MASKED_TEXT, "prompts": (PROMPT,)},
    text_encodings=(
        TextEncoding(hidden_state=None, tokens="asked", negative_tokens="positive", masked=True, clean=lowered),
    ),
    max_sequence_length=300,
    size_multiple=16,
    image_multiple=16,
    zeros_for_empty_prompt=False,
    defaults={"num_inference_steps": 20},
    accepts={"vae": ("AutoencoderKL", "AutoencoderTiny", "AsymmetricAutoencoderKL")},
    classic_pipeline="PixArtSigmaPipeline",
)
"""The contract of PixArt-Sigma."""

PIXART_ALPHA = evolve(
    PIXART_SIGMA,
    name="pixart-alpha",
    prefix="PixArtAlpha",
    max_sequence_length=120,
    classic_pipeline="PixArtAlphaPipeline",
)
"""The contract of PixArt-alpha, which reads shorter texts."""

for _name in ("PIXART_ALPHA", "PIXART_SIGMA"):
    families.register(globals()[_name].name, f"{__name__}:{_name}")
    note_constant(globals()[_name], f"{__name__}.{_name}")
