"""What is particular to diffusion transformers that are told a class (Peebles and Xie 2022, https://arxiv.org/abs/2212.09748)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..engine.network_calls import call_rows
from ..registry import families
from ..state.vocabulary import ClassIds, ClassLabels
from ..state.written_constants import note_constant
from .contract import ConditioningField, FamilyContract, RoleComponent
from .layers import Layer

if TYPE_CHECKING:
    from torch import Tensor

    from .roles import Autoencoder, Denoiser


@frozen
class DiTContract(FamilyContract):
    """A transformer that is told a class, and says a variance beside the noise."""

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Any, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the transformer with one timestep for each row."""
        prediction: Tensor = call_rows(
            self.row_arguments, denoiser, latents, timestep=t.expand(latents.shape[0]), **kwargs, return_dict=False
        )[0]
        return prediction

    def predicts_variance(self, denoiser: Denoiser) -> bool:
        """Return whether it has twice the channels that it reads."""
        return bool(denoiser.config.out_channels == 2 * denoiser.config.in_channels)

    def unscale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Bring latents to the VAE's scale by the inverse, which rounds in another way than division."""
        scaled: Tensor = 1 / vae.config.scaling_factor * latents
        return scaled

    def layers(self, denoiser: Any) -> list[Layer]:
        """Return the transformer's blocks."""
        return [Layer(f"transformer_blocks.{i}", block) for i, block in enumerate(denoiser.transformer_blocks)]

    def recommended_layers(self, denoiser: Denoiser, layers: Sequence[Layer]) -> list[int]:  # noqa: ARG002 - all are alike
        """Return the layer at a third of the way."""
        return [len(layers) // 3]


_LABELS = ConditioningField("class_ids", "negative_class_ids", ClassIds, argument="class_labels")

DIT = DiTContract(
    name="dit",
    prefix="DiT",
    roles={
        "denoiser": (RoleComponent("transformer", "diffusers:DiTTransformer2DModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKL"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:DDIMScheduler"),),
    },
    groups={
        "prompts": (ConditioningField("class_labels", "negative_class_labels", ClassLabels),),
        "labels": (_LABELS,),
        "denoiser_input_fields": (_LABELS,),
    },
    accepts={"vae": ("AutoencoderKL", "AutoencoderTiny", "AsymmetricAutoencoderKL")},
    classic_pipeline="DiTPipeline",
)
"""The contract of diffusion transformers that are told a class."""

families.register(DIT.name, f"{__name__}:DIT")
note_constant(DIT, f"{__name__}.DIT")
