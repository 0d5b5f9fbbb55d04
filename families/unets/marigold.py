"""What is particular to Marigold (Ke et al. 2023, https://arxiv.org/abs/2312.02145): it draws what there is to see in an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ...guiders import ClassifierFreeGuidance
from ...registry import families
from ...state.vocabulary import SeenLatents
from ...state.written_constants import note_constant
from ..contract import ConditioningField, RoleComponent, TextEncoding
from ..shared_fields import PROMPT
from ..unet import BESIDE, HIDDEN, VAES, UNetContract

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Autoencoder, Denoiser


@frozen
class MarigoldContract(UNetContract):
    """A UNet that reads an image's latents before its own, and is told an empty text."""

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the UNet with the image's latents first."""
        return super().predict(denoiser, kwargs[BESIDE], t, {**kwargs, BESIDE: latents})

    def latent_channels(self, denoiser: Denoiser, vae: Autoencoder) -> int:  # noqa: ARG002 - it may see several things at once
        """Return as many as it predicts: the VAE's for each thing that it sees."""
        return int(denoiser.config.out_channels)

    def predicted_channels(self, denoiser: Any) -> int | None:  # noqa: ARG002 - it may see several things at once
        """Return None: the VAE's, as often as it sees something."""
        return None


# Neither can be left out: whoever is told no image, or another text than the empty one, sees nothing.
_NOTHING = evolve(HIDDEN, kind="nothing", shared=True)
_SEEN = ConditioningField(
    "seen_latents", "negative_seen_latents", SeenLatents, argument=BESIDE, kind="seen", shared=True
)

MARIGOLD = MarigoldContract(
    name="marigold",
    prefix="Marigold",
    roles={
        "denoiser": (RoleComponent("unet", "diffusers:UNet2DConditionModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKL"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:DDIMScheduler"),),
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"enabled": False}),),
        "tokenizers": (RoleComponent("tokenizer", "transformers:CLIPTokenizer"),),
        "text_encoders": (RoleComponent("text_encoder", "transformers:CLIPTextModel"),),
    },
    groups={
        "denoiser_input_fields": (_NOTHING, _SEEN),
        "prompt_embeds": (_NOTHING,),
        "prompts": (PROMPT,),
        "seen": (_SEEN,),
    },
    text_encodings=(TextEncoding(hidden_state=None, tokens="longest"),),
    zeros_for_empty_prompt=False,
    accepts={"vae": VAES},
    advice={
        "scheduler": "DDIMScheduler and LCMScheduler fit, with the prediction_type that the UNet was trained with."
    },
    classic_pipeline="MarigoldDepthPipeline",
)
"""The contract of Marigold."""

families.register(MARIGOLD.name, f"{__name__}:MARIGOLD")
note_constant(MARIGOLD, f"{__name__}.MARIGOLD")
