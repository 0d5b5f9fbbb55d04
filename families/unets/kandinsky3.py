"""What is particular to Kandinsky 3 (AI Forever 2023, https://arxiv.org/abs/2312.03511): a UNet that is told a text by a T5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...guiders import ClassifierFreeGuidance
from ...registry import families
from ...state.written_constants import note_constant
from ..contract import FamilyContract, RoleComponent, TextEncoding
from ..shared_fields import PROMPT
from ..spatial.masked_text import MASK, MASKED_TEXT
from .kandinsky22 import MoVQLatents

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Autoencoder, Denoiser


@frozen
class Kandinsky3Contract(MoVQLatents, FamilyContract):
    """A UNet that is told which tokens count, over the latents of a MoVQ."""

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the UNet, which is told of each token whether it counts."""
        mask = kwargs[MASK.argument].bool()
        return super().predict(denoiser, latents, t, {**kwargs, MASK.argument: mask})

    def latent_channels(self, denoiser: Denoiser, vae: Autoencoder) -> int:  # noqa: ARG002 - the same
        """Return the autoencoder's number."""
        return self.vae_channels(vae)

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return the width of a T5's hidden states, which the UNet projects first."""
        return {"hidden": denoiser.config.encoder_hid_dim}


KANDINSKY3 = Kandinsky3Contract(
    name="kandinsky-3",
    prefix="Kandinsky3",
    roles={
        "denoiser": (RoleComponent("unet", "diffusers:Kandinsky3UNet"),),
        "vae": (RoleComponent("movq", "diffusers:VQModel"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:DDPMScheduler"),),
        "guider": (
            RoleComponent(
                "guider", ClassifierFreeGuidance, config={"guidance_scale": 3.0, "use_original_formulation": True}
            ),
        ),
        "tokenizers": (RoleComponent("tokenizer", "transformers:T5Tokenizer"),),
        "text_encoders": (RoleComponent("text_encoder", "transformers:T5EncoderModel"),),
    },
    groups={"denoiser_input_fields": MASKED_TEXT, "prompt_embeds": MASKED_TEXT, "prompts": (PROMPT,)},
    text_encodings=(TextEncoding(hidden_state=None, tokens=128, masked=True, cut=True),),
    zeros_for_empty_prompt=True,
    # As a MoVQ's attention sees them, by whole squares of 8x8 latents.
    size_multiple=64,
    defaults={"height": 1024, "width": 1024, "num_inference_steps": 25},
    advice={"scheduler": "DDPMScheduler fits."},
    classic_pipeline="Kandinsky3Pipeline",
)
"""The contract of Kandinsky 3."""

families.register(KANDINSKY3.name, f"{__name__}:KANDINSKY3")
note_constant(KANDINSKY3, f"{__name__}.KANDINSKY3")
